"""What `%%seedream?` and `%seedream help` show, made from the option table in both languages."""

from __future__ import annotations

from seedream_magic.notebook.cell import OPTIONS

_HEAD = """\
%%seedream [NAME <<] [options]
the prompt, in Chinese or English, with {variables} filled in from the notebook

Draws with Seedream and shows the pictures as they land. The last set is always `_seedream`.
用 Seedream 作画,图片到一张显示一张;最近一组总在 `_seedream` 里。
"""
_EXAMPLES = """\
Examples · 示例

    %%seedream
    a lighthouse in fog, watercolour

    %%seedream seasons << -n 4 -s 2K -r 16:9
    four seasons of one mountain village, flat illustration

    %%seedream 四季 << -n 4 --no-watermark
    同一座山村的四季,扁平插画

    %%seedream --dry-run -n auto
    一组关于{主题}的插图

Then · 然后: seasons[0].image, seasons[0].path, seasons.failed, seasons.folder
"""
_COMMANDS = (
    ("%seedream", "where it stands: provider, key, model, store, images billed", "当前状态"),
    ("%seedream use NAME", "provider for this session: anyfast, ark, byteplus, demo", "切换服务商"),
    ("%seedream key", "type the key, hidden; kept in memory", "输入密钥,仅存于内存"),
    ("%seedream show RUN", "the set of an earlier run", "显示以前的一组"),
    ("%seedream recover [RUN]", "download what is missing of earlier runs; bills nothing", "补下载缺失的图片,不计费"),
    ("%seedream retry RUN", "ask anew for the failed frames of a run; bills those", "重新生成失败的帧,按张计费"),
    ("%seedream help", "these lines", "显示本帮助"),
)


def help_text() -> str:
    """Every option and command with its meaning, English and Chinese, and examples in both."""
    options = [(option.typed, option.english, option.chinese) for option in OPTIONS]
    return "\n".join(
        (_HEAD, "Options · 选项\n", *map(_row, options), "", "Commands · 命令\n", *map(_row, _COMMANDS), "", _EXAMPLES)
    )


def _row(entry: tuple[str, str, str]) -> str:
    typed, english, chinese = entry
    return f"    {typed:<32} {english} · {chinese}"

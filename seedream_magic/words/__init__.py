"""Every text that a person reads, each once, in English and Chinese side by side.

A module for each part of what people do: `requests` (what is wrong with one), `network`, `service` (its error codes),
`runs`, `errors` (the lines around each), `carousel` (the words beside pictures), and so on. To add a text:

    SIZE_TOO_SMALL = Text(
        "--size {size} has {pixels:,} pixels; {model} takes {least:,} at least.",
        "--size {size} 只有 {pixels:,} 像素，{model} 至少要 {least:,}。",
    )

and where it is said, `from seedream_magic.words import requests as texts`, and then
`InvalidRequest(texts.SIZE_TOO_SMALL(size=…, pixels=…, model=…, least=…))`. The name says what is the matter, not how it
is worded: runs that are stored hold the names (`requests.SIZE_TOO_SMALL`) and the facts, so a name that was released
stays, and so do its facts. A fact is a number, a text, or what another text told.

`{missing:picture}` is a number of things: "1 picture", "3 pictures"; `{left:entry|entries}` where an s will not do.
Chinese writes `{missing} 张`. `join` puts sentences beside one another as each language does.

Short: what happened, whether it is billed, what to do. Chinese is written as a Chinese designer writes it, not word by
word: 图片, 帧, 组图, 参考图, 提示词, 未计费, 可能计费, 密钥, 服务商, 网关, 存储, 重新运行, 补下载.
Signs are full-width. A blank stands between Chinese and Latin letters or numbers, none beside such a sign. What is
typed stays as it is typed: `%seedream retry`, `--fresh`, SEEDREAM_STORE.

tests/test_words.py asks that none is missing, and that no sentence stands elsewhere.
"""

"""What is mistyped is caught before it is sent as a prompt; a prompt that only looks odd is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run_cell
from raw_server import RawServer
from seedream_magic import InvalidRequest, Seedream
from seedream_magic.api.credentials import Key
from service import bodies

CAUGHT = [
    ("%%seedream\n\n  %%seedream -n 2\na fox", "two %%seedream lines"),
    ("%%seedream\na fox\n\n%%seedream -n 2\na cat", "Line 3 of the prompt is a command: give %%seedream -n 2 a cell"),
    ("%%seedream\na fox\n  ％seedream history", "give ％seedream history a cell"),
    ("%%seedream\n一只狐狸\n％seedream历史", "give ％seedream历史 a cell"),
    ("%%seedream\n一只狐狸\n％％seedream图 << -n 2\n一只猫", "give ％％seedream图 << -n 2 a cell"),
    ("%%seedream\n%%Seedream图 << -n 2\n一只猫", "two %%seedream lines"),
    ("%%seedream\n%pip install pillow\na fox", "Line 1 of the prompt is a command"),
    ("%%seedream\na fox\n! pip install pillow", "Line 2 of the prompt is a command"),
    ("%%seedream --vary\nf'a {red|blue} {fox}'", "leave out f'"),
    ("%%seedream\nink\n---\na lake\n---\nf'a {fox}'", "leave out f'"),
    ('%%seedream\n"""ink\n---\na lake\n---\na {fox}"""', 'leave out """'),
    ("%%seedream\n\n  f'''a {fox}\nin snow'''\n", "leave out f'''"),
    ('%%seedream\nrf"a {fox}"', "{names} are filled in anyway"),
    ('%%seedream\n"""\na fox\n"""', 'leave out """'),
    ("%%seedream\n-n 4 -s 2K\na fox", "-n 4 -s 2K stands in the prompt"),
    ("%%seedream\n--尺寸 2K\n一只狐狸", "--尺寸 2K stands in the prompt"),
    ("%%seedream\na castle -n 4 -s 2K", "-n 4 -s 2K stands in the prompt"),
    ("%%seedream\na castle --dry-run\nin fog", "--dry-run stands in the prompt"),
    ("%%seedream\na castle --ar 16:9 --v 6", "--ar 16:9 --v 6 stands in the prompt"),
    ("%%seedream\na castle -n 3 --ar 16:9", "-n 3 --ar 16:9 stands in the prompt"),
    ("%%seedream\n一座城堡 --张数 2", "--张数 2 stands in the prompt"),
    ("%%seedream print <<\na fox", "print is Python's own: take another name, such as print_set"),
    ("%%seedream --out list\na fox", "list is Python's own"),
    ("%%seedream In << -n 2\na fox", "In holds a list"),
    ("%%seedream os << --vary\na {red|blue} fox", "os holds a module"),
    ("%%seedream fox << --bg\na fox", "fox holds a str, which the set would replace"),
    ("%%seedream hero < -n 2\na fox", "Did you mean hero << -n 2?"),
    ("%%seedream hero =\na fox", "Did you mean hero << …?"),
    ("%%seedream 英雄 >> -n 2\na fox", "Did you mean 英雄 << -n 2?"),
    ("%%seedream -s 16:9\na fox", "--ratio 16:9"),
    ("%%seedream hero << \\\n-n 2\na fox", "ends in a backslash"),
    ("%%seedream -m doubao-sedream-4-5\na fox", "did you mean doubao-seedream-4-5? --no-check sends it as typed"),
    ("%%seedream -m dubao-seedream_4.5 --dry-run\na fox", "did you mean doubao-seedream-4-5?"),
    ("%%seedream -s2K-r 16:9\na fox", "A blank is missing in -s2K-r: write -s 2K -r."),
    ("%%seedream -n 2-s 2K\na fox", "write -n 2 -s."),
    ("%%seedream -s 2048x2048--no-watermark\na fox", "write -s 2048x2048 --no-watermark."),
    ("%%seedream --ration 16:9\na fox", "did you mean --ratio?"),
    ("%%seedream --rfe fox.png\na fox", "did you mean --ref?"),
    ("%%seedream --colour blue\na fox", "There is no option --colour; %%seedream? lists them."),
    ("%%seedream --title Fox\na fox", "There is no option --title; %%seedream? lists them."),
    ("%%seedream --尺存 2K\n一只狐狸", "--尺寸"),
    ("%%seedream --compare size=2K,4K\na fox", "or with --xy size=2K,4K"),
    ("%%seedream --frames 4\na fox", "--images, such as --images 4"),
    ("%%seedream --cost\na fox", "--dry-run says what the cell would cost"),
    ("%%seedream --name hero\na fox", "NAME << first on the line"),
    ("%seedream usage", "%seedream alone tells what was billed"),
    ("%seedream 费用", "%seedream alone tells what was billed"),
    ("%seedream export story", "the name of a set, and then a file, such as story.pdf"),
    ("x = 1\n%%seedream\na fox", "%%seedream must be the first line"),
    ("%load_ext seedream_magic\n%%seedream\na fox", "%%seedream must be the first line"),
    ("hero = %%seedream -n 2\na fox", "%%seedream hero << …"),
    ("图 = %%seedream一只狐狸", "%%seedream hero << …"),
]


@pytest.mark.parametrize(("cell", "named"), CAUGHT, ids=[cell for cell, _ in CAUGHT])
def test_a_mistake_is_told_and_not_drawn(
    shell: InteractiveShell, server: RawServer, store: Path, cell: str, named: str
) -> None:
    """One line that names the fix; nothing is sent, no variable changes."""
    shell.run_cell("import os\nfox = 'a red fox'")
    error, printed, _ = run_cell(shell, cell)
    assert isinstance(error, InvalidRequest), printed
    assert named in printed
    assert len(printed.strip().splitlines()) == 1
    assert (server.connections, list(store.iterdir()), shell.user_ns["fox"]) == (0, [], "a red fox")


DRAWN = [
    ("# two foxes\n\n# of one family\n%%seedream\na fox", "a fox"),
    ("%%Seedream\na fox", "a fox"),
    ("%%seedream hero <<\na fox", "a fox"),
    ("%%seedream frame <<\na fox", "a fox"),
    ("%%seedream\n# a fox", "# a fox"),
    ("%%seedream\n'a fox' in gold letters", "'a fox' in gold letters"),
    ("%%seedream\n'a fox'", "'a fox'"),
    ("%%seedream\nf'' and f'", "f'' and f'"),
    ("%%seedream\n100 %seedream of joy", "100 %seedream of joy"),
    ("%%seedream\n-n", "-n"),
    ("%%seedream\n- red\n- blue", "- red\n- blue"),
    ("%%seedream\n! a warning sign", "! a warning sign"),
    ("%%seedream --raw\n%pip install pillow", "%pip install pillow"),
    ("%%seedream --raw\nf'a fox'", "f'a fox'"),
    ("%%seedream -m doubao-sedream-4-5 --no-check\na fox", "a fox"),
    ("%%seedream -m doubao-seedream-6-0\na fox", "a fox"),
    ("%%seedream -m ep-2026-seedream\na fox", "a fox"),
    ("%%seedream -m seedream-5-0-ultra-270101\na fox", "a fox"),
]


@pytest.mark.parametrize(("cell", "prompt"), DRAWN, ids=[cell for cell, _ in DRAWN])
def test_what_is_a_prompt_is_drawn_as_typed(shell: InteractiveShell, server: RawServer, cell: str, prompt: str) -> None:
    """Also where a set, or a frame of one, has the name already."""
    assert shell.run_cell("%%seedream hero << --quiet -n 2\nthe first\n").success
    shell.run_cell("frame = hero[0]")
    error, printed, _ = run_cell(shell, cell)
    assert error is None, printed
    assert bodies(server.requests)[-1]["prompt"] == prompt


@pytest.mark.parametrize("code", ["import os", "images = Seedream().generate('a fox')", "print('a fox')"])
def test_code_below_is_sent_and_told(shell: InteractiveShell, code: str) -> None:
    """It may be meant: a picture of code is a picture."""
    error, printed, _ = run_cell(shell, f"%%seedream --dry-run\n{code}")
    assert error is None
    assert "reads as Python" in printed
    assert "reads as Python" not in run_cell(shell, "%%seedream --dry-run\nfox, snow")[1]


def test_text_that_holds_a_cell_is_left_alone(shell: InteractiveShell, server: RawServer) -> None:
    """A string of Python may hold a whole cell."""
    error, *_ = run_cell(shell, 'cell = """\n%%seedream\na fox"""')
    assert error is None
    assert shell.user_ns["cell"] == "\n%%seedream\na fox"
    assert server.connections == 0


@pytest.mark.parametrize("typed", ["Bearer sk-1", "Authorization: Bearer sk-1", " bearer  sk-1\n", "'sk-1'", '"sk-1"'])
def test_what_stands_around_a_key_is_none_of_it(typed: str) -> None:
    """As it is copied from a program."""
    assert Key(typed, "SEEDREAM_API_KEY").reveal() == "sk-1"


@pytest.mark.parametrize("model", ["seedream-5", "doubao-seedream-6-0", "doubao-seedream-4-7-270101"])
def test_a_model_that_is_like_known_ones_and_none_of_them_is_told(seedream: Seedream, model: str) -> None:
    """It may be new: it is planned as it was typed, with a note, and without one where nothing is checked."""
    plan = seedream.plan("a fox", model=model)
    assert plan.body["model"] == model
    assert any("is not a model known here" in warning for warning in plan.warnings)
    assert seedream.plan("a fox", model=model, check=False).warnings == ()
    for known in ("doubao-seedream-4-5", "ByteDance/Seedream-4.5", "seedream_v4", "ep-20260101-abcde", "gpt-image-1"):
        assert seedream.plan("a fox", model=known).warnings == ()


def test_others_is_not_a_file(seedream: Seedream) -> None:
    """`refs="other"` of a redo names the word that was meant; nothing is sent."""
    images = seedream.generate("a fox that has others", images=2)
    with pytest.raises(InvalidRequest, match='refs="others" takes the other pictures'):
        images.redo(1, refs="other")


TYPED_IN_CHINESE = [
    ("%%seedream --尺寸 9K\n一只狐狸", "--尺寸 takes 1K", "--size"),
    ("%%seedream ——张数＝99\n一只狐狸", "--张数 takes 1 to 15", "--images"),
    ("%%seedream --交叉 尺寸=2K,9K\n一只狐狸", "--尺寸 takes 1K", "--size"),
    ("%%seedream --变体 --布局 carousel\n{红|蓝}狐狸", "--布局 carousel goes without --变体", "--show"),
    ("%%seedream --水印 关\n一只狐狸", "--水印 takes no value; --无水印 turns it off", "watermark"),
    ("%%seedream --尺寸 2048x2048 -r 16:9\n一只狐狸", "--ratio goes with a preset size", "--比例"),
    ("%seedream 重试", "%seedream 重试 takes a run", "retry"),
    ("%seedream 导出 latest 狐狸.pdf --版面 跨页", "did you mean --版式", "--layout"),
    ("%seedream 图片墙 --自", "--自 takes a date", "--since"),
    ("%seedream 取消", "did you mean %seedream 停止?", "panel"),
]


@pytest.mark.parametrize(("cell", "named", "other"), TYPED_IN_CHINESE, ids=[cell for cell, *_ in TYPED_IN_CHINESE])
def test_a_refusal_names_options_and_commands_as_they_were_typed(
    shell: InteractiveShell, cell: str, named: str, other: str
) -> None:
    """In Chinese what was typed in Chinese; what was not typed by its usual name."""
    error, printed, _ = run_cell(shell, cell)
    assert isinstance(error, InvalidRequest), printed
    assert named in printed
    assert other not in printed


def test_a_command_names_the_options_of_an_export(shell: InteractiveShell, seedream: Seedream) -> None:
    """In Python they are keywords, in a line of a cell options."""
    shell.user_ns["story"] = seedream.generate("a fox for an export with a wrong option")
    assert "--page-size takes A3" in run_cell(shell, "%seedream export story fox.pdf --page-size B7")[1]
    assert "--标题 is for" in run_cell(shell, "%seedream 导出 story fox.gif --标题 狐狸")[1]
    with pytest.raises(InvalidRequest, match=r"^page_size takes A3"):
        shell.user_ns["story"].export("fox.pdf", page_size="B7")

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
word, and has one word for each thing:

    run 运行 (its id 运行号), set 组图, frame 帧, take 版, sweep 批量, variant 变体 (--vary), storyboard 分镜
    redo 重画 (a frame), fresh 重新生成, vary 衍生 (after a frame), retry 重试, recover 补下载, prompt 提示词
    gallery 图片墙, library 图库, store 存储, history 历史记录, record 记录, carousel 轮播, grid 网格
    contact sheet 总览, spread 跨页, caption 图注, ratio 比例, stream 逐张接收, reference 参考图, key 密钥
    provider 服务商, gateway 网关, header 标头, not billed 未计费, may be billed 可能计费

Signs are full-width. A blank stands between Chinese and Latin letters or numbers, none beside such a sign. What is
typed stays as it is typed: `%seedream retry`, `--fresh`, SEEDREAM_STORE.

tests/test_words.py asks that none is missing, that no sentence stands elsewhere, and for the words above.
"""

"""What `%seedream doctor` looked at, what is wrong with it, and what to do."""

from __future__ import annotations

from seedream_magic.words.text import Text

# The report
NOTHING_WRONG = Text("Nothing is wrong here.", "一切正常。")
VERDICT = Text("{bad} wrong, {look} to look at.", "{bad} 处故障，{look} 处提醒。")
WRONG = Text("Wrong", "故障")
LOOK = Text("To look at", "提醒")
FINE = Text("Fine", "正常")
NOT_LOOKED_AT = Text("Not looked at", "未检测")

VERSIONS = Text("versions:", "版本：")
FRONT_END = Text("front end:", "前端：")
SETTINGS = Text("settings:", "设置：")
PROVIDER = Text("provider:", "服务商：")
KEY = Text("key:", "密钥：")
HEADERS = Text("headers:", "标头：")
STORE = Text("store:", "存储：")
LIBRARY = Text("library:", "图库：")
RUNS = Text("runs:", "运行：")
ANSWERS = Text("answers:", "应答：")
PROXY = Text("proxy:", "代理：")
TLS = Text("certificates:", "证书：")
NETWORK = Text("network:", "网络：")
CLOCK = Text("clock:", "时钟：")
ERRORS = Text("errors:", "报错：")

# Versions and front end
INSTALL = Text('%pip install "{what}", then restart the kernel.', '%pip install "{what}"，然后重启内核。')
NOT_INSTALLED = Text("{name} is not installed.", "未安装 {name}。")
TOO_OLD = Text(
    "{name} {found} is older than {limit}, the oldest that is tested.",
    "{name} {found} 低于经过测试的最低版本 {limit}。",
)
TOO_NEW = Text(
    "{name} {found} is newer than what is tested (below {limit}).",
    "{name} {found} 高于经过测试的版本（应低于 {limit}）。",
)
UNREGISTERED = Text(
    "seedream-magic runs from a folder that pip does not know: the oldest tested versions cannot be looked up.",
    "seedream-magic 从文件夹直接运行，pip 未登记，无法核对最低版本。",
)
INSTALL_FOLDER = Text("Run pip install . in its folder.", "在其文件夹中运行 pip install .。")
TERMINAL = Text("IPython in a terminal: sets are printed as paths", "终端中的 IPython，组图以路径列出")
NO_KERNEL = Text("IPython without a kernel", "没有内核的 IPython")
LAB_OR_NOTEBOOK = Text("JupyterLab or Jupyter Notebook", "JupyterLab 或 Jupyter Notebook")
NO_SERVER = Text(
    "a Jupyter kernel without a server (nbconvert, papermill, a console)",
    "没有服务器的 Jupyter 内核（nbconvert、papermill、控制台）",
)

# Settings, provider, key
CORRECT_SETTINGS = Text(
    "Correct it: %seedream use NAME, %config SeedreamMagics, or the SEEDREAM_… variable; then ask again.",
    "用 %seedream use、%config SeedreamMagics 或 SEEDREAM_… 环境变量改正，再运行一次。",
)
NO_SUCH_MODEL = Text(
    "{provider} documents no model {model}; its own: {names}.", "{provider} 没有名为 {model} 的模型，相近的是 {names}。"
)
CHOOSE_MODEL = Text(
    '%config SeedreamMagics.model = "{model}" or SEEDREAM_MODEL; %seedream models --live asks for all.',
    '%config SeedreamMagics.model = "{model}" 或 SEEDREAM_MODEL；%seedream models --live 可查询全部。',
)
NOT_IN_TABLE = Text("{model} (not in the table: not checked)", "{model}（不在表中，不检查）")
EMBEDDED = Text("embedded", "内置")
ADDRESS_FOR_OTHERS = Text(
    "embedded (SEEDREAM_BASE_URL is for the other providers)", "内置（SEEDREAM_BASE_URL 只用于其他服务商）"
)
NEEDS_NO_KEY = Text("the demo needs none, and none is sent to it", "演示服务无需密钥，也不发送密钥")
SET_KEY = Text(
    "Run %seedream key and type it, or set {names}. To draw without a key: %seedream use demo.",
    "运行 %seedream key 输入，或设置 {names}；没有密钥可用 %seedream use demo。",
)
OR_ELSE = Text("{first} Or else: {then}", "{first}或者：{then}")
UNLOCK = Text(
    "Unlock the keyring, or turn it off with PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring.",
    "解锁系统密钥环，或用 PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring 停用。",
)
SILENT_STORE = Text("{store} did not answer within {seconds} s.", "{store} 在 {seconds} 秒内没有应答。")
HEADERS_SENT = Text("{names} go with each request", "{names} 随每次请求发送")

# Store, library, runs
OTHER_STORE = Text(
    "Name another folder: SEEDREAM_STORE or %config SeedreamMagics.store.",
    "换一个文件夹：SEEDREAM_STORE 或 %config SeedreamMagics.store。",
)
STORE_IS_A_FILE = Text("{store} cannot be made: {place} is a file.", "无法创建 {store}：{place} 是文件。")
STORE_NOT_WRITTEN = Text("{store} cannot be written ({why}).", "无法写入 {store}（{why}）。")
STORE_OF_UNKNOWN_SIZE = Text("{store}, its disk does not say how much is free", "{store}，磁盘未报告剩余空间")
STORE_FREE = Text("{store}, {free} GiB free", "{store}，剩余 {free} GiB")
STORE_FREE_NEW = Text(
    "{store}, {free} GiB free; it is made with the first run", "{store}，剩余 {free} GiB，首次运行时创建"
)
DISK_FULL = Text(
    "The disk of {store} has {free} MiB left: too little to draw. A run needs {reserve} MiB and {each} MiB an image.",
    "{store} 所在磁盘剩余 {free} MiB，不足以生成图片。每次需 {reserve} MiB，另加每张 {each} MiB。",
)
DISK_SCARCE = Text(
    "The disk of {store} has {free} MiB left: at most {images} images a run. A run needs {reserve} MiB and {each} MiB "
    "an image.",
    "{store} 所在磁盘剩余 {free} MiB，每次最多 {images} 张。每次需 {reserve} MiB，另加每张 {each} MiB。",
)
MAKE_ROOM = Text("Make room there.", "清理该磁盘。")
LIBRARY_OFF = Text("turned off, SEEDREAM_LIBRARY is empty", "已关闭，SEEDREAM_LIBRARY 为空")
LIBRARY_KNOWS = Text("{file} with {stores:store}, {runs:run}", "{file}，{stores} 个存储，{runs} 次运行")
LIBRARY_UNUSABLE = Text(
    "{file} cannot be used ({why}): sets of other stores are not found, and may be paid for again.",
    "无法使用 {file}（{why}）：查不到其他存储里的组图，可能重复付费。",
)
OTHER_LIBRARY = Text("Name another file: SEEDREAM_LIBRARY.", "用 SEEDREAM_LIBRARY 指定另一个文件。")
UPDATE = Text("Update seedream-magic: %pip install -U {what}.", "更新 seedream-magic：%pip install -U {what}。")
LIBRARY_LOCKED = Text(
    "Another program has it open for writing: ask again, or close that program.",
    "另一个程序正在写入：稍后再试，或关闭该程序。",
)
MAKE_WRITABLE = Text(
    "Make the file and its folder writable, and room on its disk.", "使该文件及其文件夹可写，并清理磁盘。"
)
MAKE_LIBRARY_ANEW = Text(
    "Delete or rename it; it is made anew, and %seedream library --scan FOLDER takes in the stores.",
    "删除或重命名该文件，会自动重建；用 %seedream library --scan FOLDER 重新收录存储。",
)
NO_RUN = Text("none yet", "尚无运行")
NOTHING_LEFT = Text("{runs}, nothing is left to download", "{runs} 次，没有可补下载的图片")
PICTURES_MISSING = Text(
    "Pictures that were made are missing in {lacking} of {runs:run}: {newest}.",
    "{runs} 次中有 {lacking} 次缺少已生成的图片：{newest}。",
)
RECOVER_FETCHES = Text("%seedream recover fetches them and bills nothing.", "%seedream recover 可补下载，不计费。")
ENDS_ASIDE = Text(
    "The store did not take how {runs:run} ended: it is kept in {folder}.",
    "存储未能写入 {runs} 次的结束状态，已另存于 {folder}。",
)
RECOVER_PUTS_BACK = Text(
    "Make the store writable, with room; then %seedream recover puts it there. Nothing is billed.",
    "使存储可写并有空间，再运行 %seedream recover 写回，不计费。",
)
ANSWERS_KEPT = Text(
    "An answer that could not be read to its end is kept in {runs:run}, the newest {newest}.",
    "{runs} 次的应答未能完整读取，原始数据已保留，最近一次是 {newest}。",
)
RECOVER_READS = Text(
    "%seedream recover {run} reads it again, as a newer version may; it bills nothing.",
    "%seedream recover {run} 会重新读取（新版本可能读得懂），不计费。",
)
NO_FAILURE = Text("none in the last {runs} runs", "最近 {runs} 次无报错")
FAILURE = Text("{name} (run {run}): {cause} Billed: {billed}.", "{name}（运行 {run}）：{cause}计费：{billed}。")

# Proxy and certificates
NO_PROXY = Text("none is set", "未设置")
NO_PROXY_BUT_EXCEPTIONS = Text("none is set; {source} is set", "未设置；已设置 {source}")
PROXY_TAKEN = Text("{proxy} for {host}", "{host} 经由 {proxy}")
PROXY_NOT_TAKEN = Text("{proxy}, not for this provider", "{proxy}，此服务商不经代理")
PROXY_AND_EXCEPTIONS = Text("{proxy}; {source} is set", "{proxy}；已设置 {source}")
PROXY_NEEDS_PACKAGE = Text("{proxy} needs a package that is missing.", "{proxy} 需要额外的组件。")
RAW_AT = Text(
    "{source} holds a raw @ in its user or password: other programs may cut it there.",
    "{source} 的用户名或密码中有未转义的 @，其他程序可能读错。",
)
NO_HOSTS = Text(
    "{source} has entries that are not hosts, and except nothing: {entries}.",
    "{source} 中有无法识别的条目，不起作用：{entries}。",
)
WRITE_HOSTS = Text(
    "Write names, addresses, networks: localhost,.example.com,10.0.0.0/8,::1",
    "应写主机名、地址或网段：localhost,.example.com,10.0.0.0/8,::1",
)
CERTIFICATES_UNUSABLE = Text("{source} names {file}, {why}.", "{source} 指向 {file}：{why}。")
CERTIFICATES_OF = Text("{file}, named by {source}", "{file}，由 {source} 指定")
CERTIFICATES_NOT_READ = Text("{names} is set, and not read here.", "已设置 {names}，但本扩展不读取。")
NAME_CERTIFICATES = Text("Name its file in SSL_CERT_FILE as well.", "请把同一文件也写入 SSL_CERT_FILE。")
CERTIFICATES_OF_SYSTEM = Text("the system's (truststore)", "系统证书（truststore）")
CERTIFICATES_OF_CERTIFI = Text("those of certifi; the system's: {install}", "certifi 的证书；改用系统证书：{install}")

# Network and clock
IN_KERNEL = Text("the demo runs inside this kernel", "演示服务在本内核中运行")
ASK = Text(
    "%seedream doctor --probe tries it, and compares the clock.", "%seedream doctor --probe 会检测网络，并核对时钟。"
)
REACHED = Text("{host}: {done}; no key was sent", "{host}：{done}；未发送密钥")
NOT_REACHED = Text("{host} was not reached. {step}: {why}.", "无法连接 {host}，失败于 {step}：{why}。")
NOT_REACHED_AFTER = Text(
    "{host} was not reached. {step}: {why} (until then: {done}).",
    "无法连接 {host}，失败于 {step}：{why}（此前：{done}）。",
)
PROXY_NOT_REACHED = Text(
    "The proxy {proxy} was not reached. {step}: {why}.", "无法连接代理 {proxy}，失败于 {step}：{why}。"
)
PROXY_REFUSES = Text(
    "The proxy {proxy} lets nobody pass. {step}: {why}.", "代理 {proxy} 不放行，失败于 {step}：{why}。"
)
CORRECT_LOGIN = Text("Correct user and password in {source}.", "改正 {source} 中的用户名和密码。")
START_PROXY = Text(
    "Start it, or correct {source}; NO_PROXY excepts hosts. {remedy}",
    "启动代理，或改正 {source}；用 NO_PROXY 可排除主机。{remedy}",
)
FIX_DNS = Text(
    "Check the network and the base URL; behind a company proxy set HTTPS_PROXY.",
    "检查网络与 base URL；公司代理需设置 HTTPS_PROXY。",
)
FIX_TCP = Text(
    "A firewall or VPN may be in the way; behind a company proxy set HTTPS_PROXY.",
    "可能被防火墙或 VPN 拦截；公司代理需设置 HTTPS_PROXY。",
)
FIX_TLS = Text(
    "Check this machine's clock; where a company's proxy opens TLS, name its certificate in SSL_CERT_FILE, or take "
    "the system's: {install}.",
    "检查本机时钟；若公司代理会拆解 TLS，请用 SSL_CERT_FILE 指定其证书，或使用系统证书：{install}。",
)
FIX_HTTP = Text("The service or a firewall is at fault: try again later.", "服务端或防火墙的问题，稍后再试。")
FIX_SETTINGS = Text("The lines above name them.", "见上面各行。")
NO_TIME = Text("no answer told the time", "未取得时间")
CLOCK_FINE = Text("{seconds} s from the service's", "与服务端相差 {seconds} 秒")
CLOCK_AHEAD = Text(
    "This machine's clock is {span} ahead of the service's; certificates and picture links (24 h) go by it.",
    "本机时钟比服务端快 {span}；证书和图片链接（24 小时）的有效期都按它判断。",
)
CLOCK_BEHIND = Text(
    "This machine's clock is {span} behind the service's; certificates and picture links (24 h) go by it.",
    "本机时钟比服务端慢 {span}；证书和图片链接（24 小时）的有效期都按它判断。",
)
HOURS = Text("{hours} h", "{hours} 小时")
MINUTES = Text("{minutes} min", "{minutes} 分钟")
SET_CLOCK = Text("Let the system set its clock (network time).", "开启系统的网络校时。")

# A code, or a status
NO_CODE = Text(
    "There is no code {name} in the list; Tab after %seedream doctor lists them.",
    "列表中没有错误码 {name}；在 %seedream doctor 后按 Tab 可列出。",
)
CODE_MEANT = Text(
    "There is no code {name} in the list: did you mean {meant}?", "列表中没有错误码 {name}，是想查 {meant} 吗？"
)
CAUSE = Text("Cause:", "原因：")
FIX = Text("Fix:", "办法：")
BILLED = Text("Billed:", "计费：")
CODES = Text("Codes:", "错误码：")
NO = Text("no", "否")
YES = Text("yes", "是")
PERHAPS = Text("perhaps", "可能")

STATUS_FINE = Text("The service answered; what it made is billed.", "服务已应答，已生成的图片会计费。")
STATUS_REDIRECT = Text("The address leads elsewhere; requests do not follow.", "地址已转向别处，请求不会跟随。")
STATUS_400 = Text("The service does not take the request; its code says why.", "服务不接受该请求，原因见错误码。")
STATUS_401 = Text("The key is missing, wrong, or another provider's.", "密钥缺失、错误，或属于其他服务商。")
STATUS_403 = Text("The key or the account may not do this.", "该密钥或账号没有此权限。")
STATUS_405 = Text("The address is no address of the image API.", "该地址不是图片接口。")
STATUS_409 = Text("The gateway is working on the same request, or was.", "网关正在或曾经处理同一请求。")
STATUS_415 = Text("The gateway does not take this kind of request.", "网关不接受这种格式的请求。")
STATUS_429 = Text(
    "Too many requests, or a quota is used up; its code says which.", "请求过多，或额度已用完，详见错误码。"
)
STATUS_4XX = Text("The service or a gateway refused the request.", "服务或网关拒绝了该请求。")
STATUS_500 = Text("The service failed by its own fault.", "服务内部出错。")
STATUS_5XX = Text("The service, or a gateway before it, failed.", "服务或其前面的网关出错。")
STATUS_520 = Text("Cloudflare got an answer from the gateway that it cannot read.", "Cloudflare 无法识别网关的应答。")
STATUS_521 = Text("The gateway behind Cloudflare is down.", "Cloudflare 后面的网关已停机。")
STATUS_522 = Text("Cloudflare could not connect to the gateway in time.", "Cloudflare 连接网关超时。")
STATUS_523 = Text("Cloudflare does not find the gateway.", "Cloudflare 找不到网关。")
STATUS_525 = Text("Cloudflare and the gateway did not agree on TLS.", "Cloudflare 与网关的 TLS 握手失败。")
STATUS_526 = Text("The gateway's certificate is not valid for Cloudflare.", "Cloudflare 认为网关的证书无效。")
STATUS_527 = Text("Cloudflare's line to the gateway broke.", "Cloudflare 到网关的线路中断。")
STATUS_529 = Text("The gateway is overloaded.", "网关过载。")
STATUS_530 = Text("Cloudflare cannot reach the gateway by its name.", "Cloudflare 无法解析网关的域名。")
FIX_ADDRESS = Text(
    "Look at SEEDREAM_BASE_URL: it ends before /images/generations, mostly in /v1 or /v3.",
    "检查 SEEDREAM_BASE_URL：不含 /images/generations，通常以 /v1 或 /v3 结尾。",
)

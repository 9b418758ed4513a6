"""What is told of the way to the service: connections, proxies, certificates, gateways, keys, providers."""

from __future__ import annotations

from types import MappingProxyType

from seedream_magic.words.text import Text

# Connections.
HOST_AND_PROXY = Text("{host} through the proxy {proxy}", "{host}（经代理 {proxy}）")
NO_CONNECTION_WITHIN = Text("no connection within {time}", "{time}内未能连接")
CERTIFICATE = Text("The certificate of {host} is not to be trusted ({why}).", "{host} 的证书不可信（{why}）。")
NOT_TLS = Text("What answers at {host} is not TLS ({why}).", "{host} 的应答不是 TLS（{why}）。")
CHECK_PORT = Text(
    "Check the port of the base URL; the key does not go out in clear.", "检查 base URL 的端口；密钥不会明文发送。"
)
CHECK_PORT_AND_PROXY = Text(
    "Check the port of the base URL and the proxy ({variable}); the key does not go out in clear.",
    "检查 base URL 的端口和代理（{variable}）；密钥不会明文发送。",
)
PROXY_NOT_REACHED = Text("The proxy {proxy} was not reached ({why}).", "无法连接代理 {proxy}（{why}）。")
NOT_REACHED = Text("{host} was not reached ({why}).", "无法连接 {host}（{why}）。")
CHECK_NETWORK = Text(
    "Check the network, the proxy ({variable}) and the base URL, then try again.",
    "检查网络、代理（{variable}）和 base URL 后再试。",
)
CHECK_IT_RUNS = Text(
    "Check that it runs and that the base URL has its port, then try again.",
    "检查它是否在运行、base URL 的端口是否正确，然后再试。",
)
TRIED = Text("Tried {attempts} times in {time}.", "{time}内尝试了 {attempts} 次。")
ATTEMPT = Text("This was attempt {attempt}; those before it are not billed.", "这是第 {attempt} 次尝试；此前的未计费。")
NOT_ALL_TAKEN = Text("{host} did not take the whole request within {time}.", "{host} 在 {time}内没有接收完请求。")
SMALLER_IS_SOONER = Text("Fewer or smaller references are sent sooner.", "减少或缩小参考图可更快发送。")
NO_ANSWER = Text("{host} did not answer within {time}.", "{host} 在 {time}内没有应答。")
NO_ANSWER_TO_SENT = Text(
    "The request was sent; {host} did not answer within {time}.", "请求已发送，{host} 在 {time}内没有应答。"
)
HEAD_INCOMPLETE = Text(
    "The request was sent; {host} did not complete the head of its answer within {time}.",
    "请求已发送，{host} 在 {time}内没有发完应答头。",
)
BROKE_WHILE_SENDING = Text(
    "The connection to {host} broke, while the request was being sent ({why}).",
    "发送请求时与 {host} 的连接断开（{why}）。",
)
BROKE_WHILE_SENDING_AFTER = Text(
    "The connection to {host} broke after {time}, while the request was being sent ({why}).",
    "发送请求 {time}后与 {host} 的连接断开（{why}）。",
)
BROKE = Text(
    "The connection to {host} broke before an answer came ({why}).", "应答到达前与 {host} 的连接断开（{why}）。"
)
BROKE_AFTER = Text(
    "The connection to {host} broke after {time} before an answer came ({why}).",
    "{time}后、应答到达前与 {host} 的连接断开（{why}）。",
)
BROKE_AFTER_SILENCE = Text(
    "The connection to {host} broke after {time} of silence, before an answer came ({why}).",
    "静默 {time}后、应答到达前与 {host} 的连接断开（{why}）。",
)
SILENCE_IS_CUT = Text(
    "A proxy on the way may cut connections that are quiet for so long: ask for a stream, or for fewer images.",
    "途中的代理可能会切断长时间静默的连接：可改用逐张接收，或减少张数。",
)
TASK_ADDRESS = Text("The task's address is not valid ({why}).", "任务的地址无效（{why}）。")
TASK_SILENT = Text("The task's address did not answer ({why}).", "任务的地址没有应答（{why}）。")

# Why, of exceptions without words.
NO_CONNECTION_IN_TIME = Text("no connection was made in time", "连接超时")
NONE_FREE_IN_TIME = Text("no connection was free in time", "等待空闲连接超时")
NO_MORE_TAKEN = Text("the other side took no more of what was sent", "对方不再接收数据")
NOTHING_CAME = Text("nothing came for too long", "长时间没有收到数据")
TOOK_TOO_LONG = Text("it took too long", "耗时过长")
NONE_CAME_ABOUT = Text("no connection could be made", "无法建立连接")
REFUSED = Text("the connection was refused", "连接被拒绝")
NAME_NOT_FOUND = Text("the host's name was not found", "找不到主机名")
PROXY_REFUSED_WAY = Text("the proxy refused to connect", "代理拒绝转发")
CLOSED = Text("the other side closed the connection", "对方关闭了连接")
CLOSED_TOO_EARLY = Text("the other side closed the connection too early", "对方过早关闭了连接")
CLOSED_WITHOUT_TLS = Text(
    "the other side closed the connection without answering in TLS",
    "对方没有完成 TLS 握手就关闭了连接",
)
TLS_FAILED = Text("TLS failed", "TLS 失败")
BROKEN_OFF = Text("the other side broke the connection off", "对方中断了连接")
CLOSED_HERE = Text("the connection was closed on this side", "本机关闭了连接")
BROKE_WHILE_READING = Text("the connection broke while the answer was read", "读取应答时连接断开")
BROKE_ON_SENDING = Text("the connection broke while the request was sent", "发送请求时连接断开")
CONNECTION_BROKE = Text("the connection broke", "连接断开")
CAME_NO_HTTP = Text("what came is not HTTP", "收到的不是 HTTP")
SENT_NO_HTTP = Text("the request is not HTTP", "请求不是 HTTP")
NOT_UNPACKED = Text("what came could not be unpacked", "收到的数据无法解压")
NO_MEMORY = Text("there is no memory left", "内存不足")
NO_REASON_BUT_NAME = Text("it gave no reason, only its name, {name}", "未说明原因，仅有名称 {name}")
NO_ANSWER_WITHIN = Text("no answer within {seconds:g} s", "{seconds:g} 秒内没有应答")
IT = Text("it {what}", "代理{what}")
PROXY_ANSWERED = Text("the proxy answered {why}", "代理返回 {why}")
NO_HOST_NAME = Text("it is not a host name", "不是有效的主机名")

# Proxies.
SYSTEM = Text("the system's settings", "系统设置")
ESCAPES = Text(
    "In a proxy's user and password write @ # / ? % as %40 %23 %2F %3F %25.",
    "代理的用户名和密码中，@ # / ? % 写作 %40 %23 %2F %3F %25。",
)
WITHOUT_IT = Text("%env {variable}= does without it.", "%env {variable}= 可不用代理。")
NOT_ESCAPED = Text(
    "{variable} holds a user or password with signs that are not escaped.",
    "{variable} 的用户名或密码中有未转义的符号。",
)
KIND_NOT_USABLE = Text(
    "{variable} names a kind of proxy that cannot be used; {kinds} can.",
    "{variable} 的代理类型无法使用；可用 {kinds}。",
)
NO_PROXY_ADDRESS = Text(
    "{variable} is not the address of a proxy: it is written as http://HOST:PORT.",
    "{variable} 不是代理地址：应写作 http://HOST:PORT。",
)
PROXY_REFUSED = Text(
    "The proxy {proxy} refused to connect to {host} ({why}).",
    "代理 {proxy} 拒绝转发到 {host}（{why}）。",
)
PROXY_WANTS = Text("The proxy {proxy} {what}.", "代理 {proxy} {what}。")
LOGIN_REFUSED = Text("does not take this user and password ({why})", "不接受此用户名和密码（{why}）")
LOGIN_WANTED = Text("wants a user and a password ({why})", "要求用户名和密码（{why}）")
CORRECT_LOGIN = Text(
    "Correct {variable}: http://USER:PASSWORD@HOST:PORT.", "改正 {variable}：http://USER:PASSWORD@HOST:PORT。"
)
START_IT = Text(
    "Start it, or correct {variable}; NO_PROXY excepts hosts.", "启动代理，或改正 {variable}；用 NO_PROXY 可排除主机。"
)
LETS_PASS = Text(
    "Check whether it lets this host pass, or correct {variable}; NO_PROXY excepts hosts.",
    "检查代理是否放行该主机，或改正 {variable}；用 NO_PROXY 可排除主机。",
)
EXCEPTS_NOTHING = Text("(NO_PROXY has {entry}, which excepts nothing.)", "（NO_PROXY 中的 {entry} 不起作用。）")
SOCKS = Text(
    "{variable} names a SOCKS proxy, for which a package is missing.", "{variable} 是 SOCKS 代理，缺少所需的组件。"
)
SOCKS_HINT = Text(
    '%pip install "httpx[socks]", then restart the kernel.', '%pip install "httpx[socks]"，然后重启内核。'
)
NO_ADDRESS = Text("The proxy's address is not valid.", "代理地址无效。")
SETTINGS_NOT_USABLE = Text(
    "The proxy or certificate settings cannot be used ({why}).", "代理或证书设置无法使用（{why}）。"
)
DOCTOR_NAMES_THEM = Text("%seedream doctor names those that are in force.", "%seedream doctor 可查看当前生效的设置。")

# Certificates.
NAMES = Text("{variable} names {path}, {why}.", "{variable} 指定了 {path}，{why}。")
CANNOT_BE_USED = Text("which cannot be used ({why})", "无法使用（{why}）")
CORRECT_OR_EMPTY = Text(
    "Correct {variable}, or empty it with %env {variable}=, then try again.",
    "改正 {variable}，或用 %env {variable}= 清空后再试。",
)
NO_SUCH_FILE = Text("and there is no such file", "但没有这个文件")
NO_SUCH_FOLDER = Text("and there is no such folder", "但没有这个文件夹")
IS_FOLDER = Text("which is a folder: SSL_CERT_DIR is for one", "但它是文件夹：应使用 SSL_CERT_DIR")
IS_FILE = Text("which is a file: SSL_CERT_FILE is for one", "但它是文件：应使用 SSL_CERT_FILE")
NO_CERTIFICATE = Text("which holds no certificate", "其中没有可用的证书")
NO_HASHED = Text(
    "which holds no certificates under the names that OpenSSL looks for (openssl rehash makes them)",
    "其中没有 OpenSSL 能识别的证书文件名（可用 openssl rehash 生成）",
)
CANNOT_BE_READ = Text("which cannot be read ({why})", "无法读取（{why}）")
CHECK_CLOCK_AND_PROXY = Text("Else check this machine's clock and the proxy.", "否则检查本机时钟和代理。")
CLOCK_SAYS = Text(
    "This machine's clock says {time} UTC: if that is wrong, set it.", "本机时钟为 {time} UTC：若不对请校正。"
)
ONLY_TRUSTED = Text(
    "Only what {variable} names ({path}) is trusted here.", "此处只信任 {variable} 指定的证书（{path}）。"
)
NOT_READ_HERE = Text(
    "{variables} is not read here: name its file in SSL_CERT_FILE.",
    "本扩展不读取 {variables}：请把同一文件写入 SSL_CERT_FILE。",
)
NAME_CERTIFICATE = Text(
    "Behind a company's proxy name its certificate in SSL_CERT_FILE.",
    "在公司代理后面，请用 SSL_CERT_FILE 指定其证书。",
)
NAME_CERTIFICATE_OR_SYSTEM = Text(
    "Behind a company's proxy name its certificate in SSL_CERT_FILE, or take the system's: {command}.",
    "在公司代理后面，请用 SSL_CERT_FILE 指定其证书，或使用系统证书：{command}。",
)

# Gateways.
GATEWAY_FAULTS = Text("{gateway} at this base URL {faults}.", "此 base URL 的 {gateway} {faults}。")
GATEWAY_FAULTS_ADD = Text(
    "{gateway} at this base URL {faults}: add {options}.", "此 base URL 的 {gateway} {faults}：请加 {options}。"
)
DOES_NOT_TAKE = Text("does not take {names}", "不支持 {names}")
DROPS = Text("drops {names}", "会丢弃 {names}")
NO_STREAMED_SET = Text("cannot pass on a streamed set", "不支持逐张接收组图")
REPEATS_9 = Text("sends a failed request on up to 9 times", "会把失败的请求最多转发 9 次")
REPEATS_3 = Text(
    "sends a failed request on up to 3 times, whatever it is asked", "无论如何都会把失败的请求最多转发 3 次"
)
REPEATS_BY_SETTING = Text(
    "sends a failed request on again as its retry setting says", "会按其重试设置再次转发失败的请求"
)
REPEATS_BY_CHANNEL = Text("may send a failed request on over further channels", "可能会换渠道再次转发失败的请求")
FIELD_NOT_TAKEN = Text(
    "{gateway} does not take {names} for this model. Draw again with {options}.",
    "{gateway} 对此模型不支持 {names}。请加 {options} 再画。",
)
FIELD_NOT_TAKEN_OR_SET = Text(
    "{gateway} does not take {names} for this model. Draw again with {options}, or have {setting} set in its "
    "configuration.",
    "{gateway} 对此模型不支持 {names}。请加 {options} 再画，或在其配置中设置 {setting}。",
)
SEE_BILL = Text(
    "{gateway} {faults}. See at the provider what was billed before drawing again.",
    "{gateway} {faults}。再画之前先到服务商处确认计费。",
)
SEE_BILL_THEN = Text(
    "{gateway} {faults}. See at the provider what was billed, then draw again with {options}.",
    "{gateway} {faults}。先到服务商处确认计费，然后加 {options} 再画。",
)
SENT_ON = Text(
    "{gateway} sent it on {attempts} times: {images:image} more may be billed.",
    "{gateway} 转发了 {attempts} 次：可能多计费 {images} 张。",
)
DROPPED = Text(
    "{gateway} dropped {names}, and the pictures were drawn without; to have it, send to the service's own base URL.",
    "{gateway} 丢弃了 {names}，图片未按其生成；如需这些项，请改用服务自己的 base URL。",
)
REFERENCE_DROPPED = Text(
    "The service did not count the reference: something on the way dropped it, and the picture was drawn without.",
    "服务没有收到参考图：途中被丢弃，图片未参考它。",
)
REFERENCES_DROPPED = Text(
    "The service did not count any of the {count:reference}: something on the way dropped it, and the picture was "
    "drawn without.",
    "服务没有收到 {count} 张参考图：途中被丢弃，图片未参考它们。",
)
COST = Text("The service says that this cost {cost}.", "服务称此次费用为 {cost}。")
IN_PYTHON = Text("{cell} (in Python {python})", "{cell}（Python 中 {python}）")

# Refusals.
HTTP_STATUS = Text("{what} (HTTP {status})", "{what}（HTTP {status}）")
SAID = Text("The service says: “{said}”", "服务原话：“{said}”")
SAID_WITH = Text("The service says: “{said}” (HTTP {status})", "服务原话：“{said}”（HTTP {status}）")
"""The service's own words, in whatever language; they stand last."""
CHECK_KEY = Text(
    "Check the key: %seedream shows where it comes from, %seedream key takes another.",
    "检查密钥：%seedream 显示来源，%seedream key 可更换。",
)
TOP_UP = Text(
    "Top up the account or raise its quota at the provider, then draw again.",
    "在服务商处充值或提高额度后再画。",
)
REWORD = Text(
    "Word the prompt differently; pictures that the check refuses are not billed.",
    "换一种说法；未通过审核的图片不计费。",
)
OTHER_MODEL = Text(
    "Choose another model, or open this one for the account in the provider's console.",
    "换一个模型，或在服务商控制台开通此模型。",
)
SERVICE_AT_FAULT = Text(
    "The service is at fault. See at the provider whether it was billed before drawing again.",
    "服务端出错。再画之前先到服务商处确认是否已计费。",
)
CHANGE_IT = Text("Change what it names, then draw again.", "修改其中指出的内容后再画。")
SERVICE_DOES_NOT_TAKE = Text(
    "The service does not take {names}. Draw again with {options}.",
    "服务不支持 {names}。请加 {options} 再画。",
)
PAUSE = Text("The service asks for a pause of {time}; draw again after it.", "服务要求等待 {time}，之后再画。")
LONG_PAUSE = Text(
    "The service asks for a pause of {minutes} min; go on after it.", "服务要求等待 {minutes} 分钟，之后再继续。"
)
MEANT = Text("Did you mean {names}?", "是不是 {names}？")
MODEL_MEANT = Text(
    "Did you mean {names}? %seedream models lists the ids.", "是不是 {names}？%seedream models 列出可用的模型 id。"
)
MODELS_NOT_LISTED = Text("{host} lists no models (HTTP {status}).", "{host} 没有模型列表（HTTP {status}）。")
NO_MODELS = Text("The answer lists no models.", "应答中没有模型列表。")
MODELS_SILENT = Text(
    "It does not say which models a key may use; %seedream models shows what is documented.",
    "它不提供密钥可用的模型；%seedream models 列出文档中的模型。",
)

# Providers and keys.
CHINESE_PROVIDERS = MappingProxyType({"演示": "demo", "方舟": "ark", "火山方舟": "ark"})
"""Providers by what they are called in Chinese."""
NO_PROVIDER = Text("There is no provider {name}, only {names}.", "没有服务商 {name}；可用 {names}。")
EMBEDDED = Text(
    "The {provider} is embedded and takes no base URL of another machine.",
    "{provider} 是内置的，不能用其他机器的 base URL。",
)
LEAVE_BASE_URL = Text(
    "Leave base_url out, or name the provider that it belongs to: a service there bills.",
    "去掉 base_url，或写明它属于哪个服务商：那边会计费。",
)
BASE_URL_NONE = Text(
    "The base URL {url} is not an address such as https://www.anyfast.ai/v1.",
    "base URL {url} 不是有效地址，应如 https://www.anyfast.ai/v1。",
)
BASE_URL_WITH_PASSWORD = Text(
    "The base URL holds a user name or password; the key alone identifies you.",
    "base URL 里有用户名或密码；身份只由密钥确认。",
)
BASE_URL_IN_CLEAR = Text(
    "The base URL {url} is not https: the key would travel in clear.", "base URL {url} 不是 https：密钥会明文传输。"
)
KEY_MALFORMED = Text(
    "The key from {source} holds a space, a line break or a letter that no key has.",
    "{source} 的密钥含有空格、换行或密钥不会有的字符。",
)
NO_KEY = Text("No API key for {provider}.", "没有 {provider} 的 API 密钥。")
NO_KEY_STORES_SILENT = Text(
    "No API key for {provider}; {stores} did not answer within {seconds:g} s.",
    "没有 {provider} 的 API 密钥；{stores} 在 {seconds:g} 秒内没有应答。",
)
ENTER_KEY = Text(
    "Run %seedream key, or set {variables}. Without a key: %seedream use demo, in Python Seedream('demo').",
    "运行 %seedream key，或设置 {variables}。没有密钥可用 %seedream use demo，或 Seedream('demo')。",
)
THE_DEMO = Text("the demo", "演示服务")
KEYRING = Text("the keyring of {provider}", "{provider} 的密钥环")
KEYRING_TO_KEEP = Text("the keyring of {provider}, to keep it", "{provider} 的密钥环（保存时）")
THE_KEYRING = Text("the keyring", "密钥环")
COLAB_SECRETS = Text("Colab secrets", "Colab 的 Secrets")
KAGGLE_SECRETS = Text("Kaggle secrets", "Kaggle 的 Secrets")
KAGGLE = Text("Kaggle's secrets", "Kaggle 的 Secrets")
HEADERS_HINT = Text(
    'It is a JSON object of names and texts, such as {{"x-portkey-provider": "volcengine"}}.',
    '应是名称与文字组成的 JSON 对象，如 {{"x-portkey-provider": "volcengine"}}。',
)
HEADERS_NO_JSON = Text("{variable} is not JSON.", "{variable} 不是 JSON。")
HEADERS_OF = Text("{source}: {what}", "{source}：{what}")
HEADERS_NO_OBJECT = Text("what is given is not an object of names and texts.", "给出的不是名称与文字组成的对象。")
HEADER_NAME = Text(
    "a name in it is not the name of a header (letters, digits and - without spaces).",
    "其中有的名称不是有效的标头名（字母、数字和 -，不含空格）。",
)
HEADER_IS_OURS = Text(
    "{names} cannot be set there; the request sets its key, type and transport itself.",
    "{names} 不能在此设置；密钥、类型和传输方式由请求自行决定。",
)
HEADER_TWICE = Text("a name is in it twice.", "有名称出现了两次。")
HEADER_VALUE = Text(
    "the value of {names} is not one line of printable ASCII characters.",
    "{names} 的值须是一行可打印的 ASCII 字符。",
)

"""The part of `%seedream doctor` that looks at the way to the service: proxy, certificates, network, clock.

Proxies and certificates are read from the variables that are in force; only `--probe` makes a connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from seedream_magic.api.answer import MAXIMUM_SKEW
from seedream_magic.api.certificates import (
    FOREIGN_VARIABLES,
    TRUSTSTORE,
    complaint,
    has_truststore,
    named_certificates,
    unset_hint,
)
from seedream_magic.api.probe import Reach, Step, probe
from seedream_magic.api.proxies import Proxy, exceptions, named_proxy, proxy_for
from seedream_magic.notebook.finding import Finding, to_install
from seedream_magic.words import network
from seedream_magic.words.text import Text

_ASK = "not asked: %seedream doctor --probe · 未检测：运行 %seedream doctor --probe"
_FIXES = {
    "DNS": Text(
        "Check the network and the base URL; behind a company proxy set HTTPS_PROXY.",
        "检查网络与 base URL；公司代理需设置 HTTPS_PROXY。",
    ),
    "TCP": Text(
        "A firewall or VPN may be in the way; behind a company proxy set HTTPS_PROXY.",
        "可能被防火墙或 VPN 拦截；公司代理需设置 HTTPS_PROXY。",
    ),
    "TLS": Text(
        "Check this machine's clock; where a company's proxy opens TLS, name its certificate in SSL_CERT_FILE, or take "
        f"the system's: {TRUSTSTORE}.",
        f"检查本机时钟；若公司代理会拆解 TLS，请用 SSL_CERT_FILE 指定其证书，或使用系统证书：{TRUSTSTORE}。",
    ),
    "HTTP": Text("The service or a firewall is at fault: try again later.", "服务端或防火墙的问题，稍后再试。"),
    "settings": Text("The lines above name them.", "见上面各行。"),
}


def proxy_findings(base_url: str) -> Iterator[Finding]:
    """The proxy on the way to the provider, and what is wrong with the variables that name it."""
    named, taken = named_proxy("https"), proxy_for(base_url) if base_url else None
    found = exceptions()
    except_it = f"; {found.source} is set · 已设置 {found.source}" if found else ""
    if named is None:
        yield Finding("ok", "proxy", f"none is set · 未设置{except_it}")
    elif named.complaint:
        yield _complaint(named)
    elif named.is_socks and find_spec("socksio") is None:
        text = Text(f"{named} needs a package that is missing.", f"{named} 需要额外的组件。")
        yield Finding("bad", "proxy", text, to_install("httpx[socks]"))
    elif taken is None:
        yield Finding("ok", "proxy", f"{named}, not for this provider · 此服务不经代理{except_it}")
    else:
        yield Finding("ok", "proxy", f"{taken} for {urlsplit(base_url).hostname}{except_it}")
    if named and named.advice and not named.complaint:
        text = Text(
            f"{named.source} holds a raw @ in its user or password: other programs may cut it there.",
            f"{named.source} 的用户名或密码中有未转义的 @，其他程序可能读错。",
        )
        yield Finding("look", "proxy", text, network.ESCAPES)
    if found and found.unreadable:
        entries = ", ".join(found.unreadable[:3])
        text = Text(
            f"{found.source} has what is no host, and excepts nothing: {entries}.",
            f"{found.source} 中有无法识别的条目，不起作用：{entries}。",
        )
        fix = Text(
            "Write names, addresses, networks: localhost,.example.com,10.0.0.0/8,::1",
            "应写主机名、地址或网段：localhost,.example.com,10.0.0.0/8,::1",
        )
        yield Finding("look", "proxy", text, fix)


def _complaint(proxy: Proxy) -> Finding:
    text = Text(proxy.complaint, f"{proxy.source} 的代理地址无法使用（密码不会显示）。")
    without = "" if proxy.of_system else f"%env {proxy.source}= 可不用代理。"
    escaped = network.ESCAPES.chinese if proxy.advice else "应写为 http://HOST:PORT 或 socks5://HOST:PORT。"
    return Finding("bad", "proxy", text, Text(proxy.remedy, f"{escaped}{without}"))


def certificate_findings() -> Iterator[Finding]:
    """Which certificates are trusted, and what is wrong with the variable that names them."""
    named = named_certificates()
    foreign = [name for name in FOREIGN_VARIABLES if os.environ.get(name)]
    if named and (why := complaint(*named)):
        text = Text(
            f"{named[0]} names {named[1][:200]}, {why}.", f"{named[0]} 指向 {named[1][:200]}，其中没有可用的证书。"
        )
        fix = Text(unset_hint(named[0]), f"改正 {named[0]}，或用 %env {named[0]}= 清空后再运行。")
        yield Finding("bad", "TLS", text, fix)
    elif named:
        yield Finding("ok", "TLS", f"{named[0]}: {named[1][:200]}")
    elif foreign:
        names = " / ".join(foreign)
        text = Text(f"{names} is set, and not read here.", f"已设置 {names}，但本扩展不读取。")
        fix = Text("Name its file in SSL_CERT_FILE as well.", "请把同一文件也写入 SSL_CERT_FILE。")
        yield Finding("look", "TLS", text, fix)
    elif has_truststore():
        yield Finding("ok", "TLS", "the system's certificates (truststore) · 系统证书")
    else:
        yield Finding("ok", "TLS", f"the certificates of certifi; the system's: {TRUSTSTORE} · certifi 的证书")


def network_findings(base_url: str, *, ask: bool) -> Iterator[Finding]:
    if not base_url:
        yield Finding("ok", "network", "the demo runs inside this kernel · 演示服务在本内核中运行")
        return
    if not ask:
        yield Finding("-", "network", _ASK)
        yield Finding("-", "clock", _ASK)
        return
    reach = probe(base_url)
    yield _reached(reach, urlsplit(base_url).hostname or "")
    yield _clock(reach.clock_ahead)


def _reached(reach: Reach, host: str) -> Finding:
    way = f" through the proxy {reach.proxy}" if reach.proxy else ""
    done = ", ".join(f"{step.name} {step.text}" for step in reach.steps if step.ok)
    if reach.ok:
        return Finding("ok", "network", f"{host}{way}: {done}; no key was sent · 未发送密钥")
    failed = reach.steps[-1]
    why = failed.text.rstrip(".")
    if reach.proxy and failed.name in {"DNS", "TCP", "tunnel"}:
        return _proxy_fault(reach.proxy, failed, why)
    text = Text(
        f"{host} was not reached{way}. {failed.name}: {why}{f' (until then: {done})' if done else ''}.",
        f"无法连接 {host}，失败于 {failed.name}：{why}。",
    )
    return Finding("bad", "network", text, _FIXES[failed.name])


def _proxy_fault(proxy: Proxy, failed: Step, why: str) -> Finding:
    """That the proxy on the way is not there, or does not let us pass."""
    found = "was not reached" if failed.name in {"DNS", "TCP"} else "lets nobody pass"
    chinese = "无法连接" if failed.name in {"DNS", "TCP"} else "不放行"
    text = Text(f"The proxy {proxy} {found}. {failed.name}: {why}.", f"代理 {proxy} {chinese}：{failed.name}：{why}。")
    if "user and" in why:
        fix = Text(
            f"Correct user and password in {proxy.source}. {network.ESCAPES.english}",
            f"改正 {proxy.source} 中的用户名和密码。",
        )
        return Finding("bad", "network", text, Text(fix.english, f"{fix.chinese}{network.ESCAPES.chinese}"))
    fix = Text(
        f"Start it, or correct {proxy.source}; NO_PROXY excepts hosts. {proxy.remedy}",
        f"启动代理，或改正 {proxy.source}；用 NO_PROXY 可排除主机。",
    )
    return Finding("bad", "network", text, fix)


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return Finding("-", "clock", "no answer told the time · 未取得时间")
    if abs(ahead) <= MAXIMUM_SKEW.total_seconds():
        return Finding("ok", "clock", f"{abs(ahead):.0f} s from the service's · 与服务端相差 {abs(ahead):.0f} 秒")
    side, chinese_side = ("ahead of", "快") if ahead > 0 else ("behind", "慢")
    hours = abs(ahead) / 3600
    span, chinese_span = (f"{hours:.1f} h", f"{hours:.1f} 小时") if hours > 2 else (f"{hours * 60:.0f} min",) * 2
    text = Text(
        f"This machine's clock is {span} {side} the service's; certificates and picture links (24 h) go by it.",
        f"本机时钟比服务端{chinese_side} {chinese_span}；证书和图片链接（24 小时）的有效期都按它判断。",
    )
    return Finding("bad", "clock", text, Text("Let the system set its clock (network time).", "开启系统的网络校时。"))

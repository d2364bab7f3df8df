"""Whose browser this is: a random name in a cookie, so that everyone has runs of their own.

No account and no password: whoever uses this browser sees its runs, nobody else does. The cookie
never leaves this server, and what is written beside a run is only its hash.
"""

import hashlib
import re
import secrets

import streamlit as st

COOKIE = "s2s_browser"
TOKEN = re.compile(r"[0-9a-f]{32}")
KEEP_SECONDS = 365 * 86_400
_SET_COOKIE = """
export default function({ data }) {
  const there = document.cookie.split("; ").some(c => c.startsWith(data.name + "="));
  if (!there) {
    document.cookie =
      `${data.name}=${data.token}; path=/; max-age=${data.seconds}; SameSite=Strict`;
  }
}
"""


def owner() -> str:
    """Name of this browser as it is kept with its runs."""
    return hashlib.sha256(_token().encode()).hexdigest()[:32]


def remember() -> None:
    """Leave the cookie in a browser that has none yet."""
    if not _from_cookie():
        _cookie_setter()(data={"name": COOKIE, "token": _token(), "seconds": KEEP_SECONDS})


def _token() -> str:
    if "browser_token" not in st.session_state:
        st.session_state.browser_token = _from_cookie() or secrets.token_hex(16)
    return st.session_state.browser_token


def _from_cookie() -> str | None:
    found = st.context.cookies.get(COOKIE, "")
    return found if isinstance(found, str) and TOKEN.fullmatch(found) else None


def _cookie_setter():
    return st.components.v2.component("s2s_browser", js=_SET_COOKIE)

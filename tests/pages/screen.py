"""A made session in place of a browser's, for functions of pages alone."""

from contextlib import nullcontext
from types import SimpleNamespace


class Session(dict):
    """Session state, by item and by attribute."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__


class Screen(SimpleNamespace):
    """As much of Streamlit as these functions need; what is chosen stands in ``answers``."""

    def __init__(self):
        super().__init__(session_state=Session(), query_params=Session(), answers={}, said=[])

    def spinner(self, _):
        return nullcontext()

    def answer(self, label, *rest, key=None, **_):
        value = self.answers.get(key, rest[0] if rest else "")
        # As Streamlit does, the first value is that of the session.
        return self.session_state.get(key, value)

    text_input = text_area = number_input = multiselect = radio = selectbox = answer

    def button(self, label, key=None, **_):
        return self.answers.get(key, False)

    def container(self, **_):
        return nullcontext()

    def rerun(self):
        pass

    def say(self, word, **_):
        self.said.append(word)

    warning = info = caption = write = error = say

"""Runs checks by their names and prints one line of JSON for each: what the tests read."""

import json
import os
import traceback

_checks = {}


def check(name):
    def register(function):
        _checks[name] = function
        return function

    return register


def run_checks():
    """Runs what E2E_CHECKS names, in its order."""
    for name in json.loads(os.environ['E2E_CHECKS']):
        report = {'check': name, 'ok': True}
        try:
            if name not in _checks:
                raise LookupError('this program has no such check')
            _checks[name]()
        except Exception as error:
            report = {'check': name, 'ok': False, 'detail': _describe(error)}
        print(json.dumps(report), flush=True)


def _describe(error):
    """The error, and the lines of these programs that led to it."""
    here = os.path.dirname(__file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(here)]
    return ''.join([*traceback.format_exception_only(error), *traceback.format_list(frames)])


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f'expected {expected!r}, got {actual!r}')


def fails(expected, action):
    """Hands back the exception of type `expected` that the action raises."""
    try:
        result = action()
    except expected as error:
        return error
    raise AssertionError(f'expected {expected.__name__}, got {result!r}')

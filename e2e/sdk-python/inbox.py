"""What an app has been given, by the name of the inbox; askers wait for it."""

import json
import threading


class Inbox:
    def __init__(self):
        self._arrived = threading.Condition()
        self._items = {}

    def add(self, name, item):
        """Hands back how many there are now."""
        with self._arrived:
            items = self._items.setdefault(name, [])
            items.append(item)
            self._arrived.notify_all()
            return len(items)

    def wait(self, name, count, seconds=20):
        """Resolves with all items once there are `count` of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._items.get(name, [])) >= count, seconds):
                raise TimeoutError(f'{name}: {len(self._items.get(name, []))} of {count} within {seconds} s')
            return list(self._items.get(name, []))

    def answer(self, query):
        """The method `received`: {"inbox": name, "count": n} is answered once n items are in."""
        wanted = json.loads(query)
        return json.dumps(self.wait(wanted['inbox'], wanted['count']))

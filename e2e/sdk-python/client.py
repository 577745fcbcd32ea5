"""A client with the official Python SDK: every building block, by gRPC; invocation by HTTP too."""

import json
import os
import queue
import time

import grpc
from canoes.v1 import canoes_pb2, canoes_pb2_grpc
from checks import check, equal, fails, run_checks
from dapr.clients import DaprClient
from dapr.clients.exceptions import DaprGrpcError, DaprHttpError
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._response import TopicEventResponse, UnlockResponseStatus
from dapr.clients.grpc._state import Concurrency, Consistency, StateItem, StateOptions
from dapr.clients.grpc.client import DaprGrpcClient
from dapr.clients.health import DaprHealth

run = os.environ['E2E_RUN']
orders = f'orders-{run}'
inventory = f'inventory-{run}'
other_address = f'127.0.0.1:{os.environ["E2E_OTHER_GRPC_PORT"]}'

DaprHealth.wait_for_sidecar()
# invocation goes by HTTP with the first, by gRPC with the others; the last one talks to the other app's sidecar
client = DaprClient()
by_grpc = DaprGrpcClient()
other = DaprGrpcClient(address=other_address)


def key(name):
    return f'{name}-{run}'


def received(inbox, count):
    """What the gRPC app has been given, once there are `count` of it."""
    answer = by_grpc.invoke_method(orders, 'received', json.dumps({'inbox': inbox, 'count': count}))
    return json.loads(answer.data)


def received_by_web(inbox, count):
    query = json.dumps({'inbox': inbox, 'count': count})
    return client.invoke_method(inventory, 'received', query, content_type='application/json', http_verb='POST').json()


def values(items):
    return [item['value'] for item in items]


def publish(topic, data, content_type='application/json', through=client, **options):
    through.publish_event('pubsub', key(topic), data, data_content_type=content_type, **options)


def wait_until(holds, seconds=20):
    """For what nothing tells about."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f'not within {seconds} s')
        time.sleep(0.02)


@check('start: waits until the sidecar is ready')
def _():
    client.wait(10)
    DaprHealth.wait_for_sidecar()


@check('state: saves, reads and deletes a value')
def _():
    client.save_state('statestore', key('one'), '{"canoe": 1}', state_metadata={'contentType': 'application/json'})
    found = client.get_state('statestore', key('one'))
    equal(found.json(), {'canoe': 1})
    if not found.etag:
        raise AssertionError('no etag')
    client.save_state('statestore', key('bytes'), b'\x00\xff\x01')
    equal(client.get_state('statestore', key('bytes')).data, b'\x00\xff\x01')
    client.delete_state('statestore', key('one'))
    equal(client.get_state('statestore', key('one')).data, b'')


@check('state: lets only one writer win with an etag')
def _():
    client.save_state('statestore', key('etag'), 'first')
    etag = client.get_state('statestore', key('etag')).etag
    first_write = StateOptions(concurrency=Concurrency.first_write, consistency=Consistency.strong)
    client.save_state('statestore', key('etag'), 'second', etag=etag, options=first_write)
    error = fails(
        DaprGrpcError,
        lambda: client.save_state('statestore', key('etag'), 'third', etag=etag, options=first_write),
    )
    equal(error.code(), grpc.StatusCode.ABORTED)
    equal(client.get_state('statestore', key('etag')).data, b'second')
    error = fails(grpc.RpcError, lambda: client.delete_state('statestore', key('etag'), etag=etag))
    equal(error.code(), grpc.StatusCode.ABORTED)


@check('state: forgets a value after its time to live')
def _():
    client.save_state('statestore', key('ttl'), 'short', state_metadata={'ttlInSeconds': '1'})
    equal(client.get_state('statestore', key('ttl')).data, b'short')
    wait_until(lambda: not client.get_state('statestore', key('ttl')).data)


@check('state: saves, reads and deletes several at once')
def _():
    client.save_bulk_state('statestore', [StateItem(key=key(name), value=name) for name in ('bulk-a', 'bulk-b')])
    names = [key('bulk-a'), key('bulk-b'), key('bulk-c')]
    items = {item.key: item for item in client.get_bulk_state('statestore', names, parallelism=2).items}
    equal([items[name].data for name in names], [b'bulk-a', b'bulk-b', b''])
    equal([bool(items[name].etag) for name in names], [True, True, False])
    equal([item.error for item in items.values()], ['', '', ''])


@check('state: applies a transaction whole or not at all')
def _():
    client.save_state('statestore', key('tx-old'), '1')
    client.execute_state_transaction(
        'statestore',
        [
            TransactionalStateOperation(key=key('tx-new'), data='in'),
            TransactionalStateOperation(key=key('tx-old'), operation_type=TransactionOperationType.delete),
        ],
    )
    equal(client.get_state('statestore', key('tx-new')).data, b'in')
    equal(client.get_state('statestore', key('tx-old')).data, b'')
    fails(
        grpc.RpcError,
        lambda: client.execute_state_transaction(
            'statestore',
            [
                TransactionalStateOperation(key=key('tx-half'), data='half'),
                TransactionalStateOperation(key=key('tx-new'), data='2', etag='4711'),
            ],
        ),
    )
    equal(client.get_state('statestore', key('tx-half')).data, b'')


@check('state: learns the status and the reason of a failure')
def _():
    error = fails(DaprGrpcError, lambda: client.save_state('nowhere', 'x', 'y'))
    equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
    equal(error.error_code(), 'DAPR_STATE_NOT_FOUND')
    equal(error.status_details().error_info['domain'], 'dapr.io')


@check('pub/sub: delivers JSON, text and bytes')
def _():
    publish('plain', '{"id": 1}')
    publish('plain', 'text', 'text/plain')
    publish('plain', b'\x00\xff', 'application/octet-stream')
    seen = {item['contentType']: item['value'] for item in received('plain', 3)}
    equal(seen, {'application/json': {'id': 1}, 'text/plain': 'text', 'application/octet-stream': '00ff'})


@check('pub/sub: delivers what is declared in YAML')
def _():
    publish('declared', '{"declared": true}')
    equal(values(received('declared', 1)), [{'declared': True}])


@check('pub/sub: delivers again what the app wants to retry')
def _():
    publish('retry', '{"attempt": true}')
    equal(values(received('retry', 3)), [{'attempt': True}] * 3)


@check('pub/sub: delivers once what the app drops')
def _():
    publish('drop', '"unwanted"')
    received('drop', 1)
    # what is published later has come while the first one was not sent again
    publish('drop', '"later"')
    equal(values(received('drop', 2)), ['unwanted', 'later'])


@check('pub/sub: sends what fails to the dead letter topic')
def _():
    publish('dead', '{"poison": true}')
    equal(values(received('dead-letters', 1)), [{'poison': True}])


@check('pub/sub: passes raw payloads')
def _():
    publish('raw', 'as it is', 'text/plain', publish_metadata={'rawPayload': 'true'})
    # bytes without an envelope: `as it is`
    equal(values(received('raw', 1)), [b'as it is'.hex()])


@check('pub/sub: routes by rule')
def _():
    for kind in ('canoe', 'raft'):
        event = {'specversion': '1.0', 'type': kind, 'source': 'test', 'id': key(kind), 'data': {'type': kind}}
        event['datacontenttype'] = 'application/json'
        publish('routed', json.dumps(event), 'application/cloudevents+json')
    equal(values(received('canoes', 1)), [{'type': 'canoe'}])
    equal(values(received('others', 1)), [{'type': 'raft'}])


@check('pub/sub: publishes and delivers in bulk')
def _():
    events = [json.dumps({'n': n}) for n in range(3)]
    answer = client.publish_events('pubsub', key('bulk'), events, data_content_type='application/json')
    equal(answer.failed_entries, [])
    equal(sorted(values(received('bulk', 3)), key=lambda value: value['n']), [{'n': n} for n in range(3)])


@check('pub/sub: delivers to an HTTP app')
def _():
    publish('web', '{"web": 1}', through=other)
    equal(values(received_by_web('web', 1)), [{'web': 1}])


@check('pub/sub: delivers to an HTTP app what is declared in YAML, in bulk')
def _():
    publish('web-declared', '{"web": 2}', through=other)
    equal(values(received_by_web('declared', 1)), [{'web': 2}])
    other.publish_events('pubsub', key('web-bulk'), ['{"n": 1}', '{"n": 2}'], data_content_type='application/json')
    equal(sorted(value['n'] for value in values(received_by_web('bulk', 2))), [1, 2])


@check('pub/sub: learns why an event was not taken')
def _():
    error = fails(grpc.RpcError, lambda: client.publish_event('nowhere', 'x', 'y'))
    equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)


@check('streaming: takes a topic without a port of its own')
def _():
    subscription = client.subscribe('pubsub', key('streamed'))
    try:
        publish('streamed', '{"streamed": 1}')
        message = subscription.next_message()
        equal(message.data(), {'streamed': 1})
        equal((message.topic(), message.pubsub_name()), (key('streamed'), 'pubsub'))
        subscription.respond_success(message)
        publish('streamed', 'text', 'text/plain')
        message = subscription.next_message()
        equal(message.data(), 'text')
        subscription.respond_success(message)
    finally:
        subscription.close()


@check('streaming: gets again what it wants to retry')
def _():
    attempts = queue.Queue()

    def retry(message):
        attempts.put(message.data())
        return TopicEventResponse('retry' if attempts.qsize() < 3 else 'success')

    close = client.subscribe_with_handler('pubsub', key('streamed-retry'), retry)
    try:
        publish('streamed-retry', '{"again": 1}')
        # all three are left in the queue until the last has come: its size counts them
        wait_until(lambda: attempts.qsize() == 3)
        equal([attempts.get() for _ in range(3)], [{'again': 1}] * 3)
    finally:
        close()


@check('streaming: sends what it drops to the dead letter topic')
def _():
    letters = queue.Queue()

    def drop(message):
        return TopicEventResponse('drop')

    def dead_letter(message):
        letters.put(message.data())
        return TopicEventResponse('success')

    topics = [
        client.subscribe_with_handler('pubsub', key('streamed-drop'), drop, dead_letter_topic=key('streamed-dead')),
        client.subscribe_with_handler('pubsub', key('streamed-dead'), dead_letter),
    ]
    try:
        publish('streamed-drop', '{"away": 1}')
        equal(letters.get(timeout=20), {'away': 1})
    finally:
        for close in topics:
            close()


@check('streaming: a topic can be taken again after its end')
def _():
    for number in range(2):
        subscription = client.subscribe('pubsub', key('streamed-again'))
        publish('streamed-again', json.dumps({'number': number}))
        # an acknowledgement may be lost with its stream; then the event comes again
        while (message := subscription.next_message()).data() != {'number': number}:
            subscription.respond_success(message)
        subscription.respond_success(message)
        subscription.close()


@check('invocation: calls a gRPC app over gRPC')
def _():
    for through in (by_grpc, other):
        answer = through.invoke_method(orders, 'echo', 'over gRPC', content_type='text/plain')
        equal((answer.text(), answer.content_type), ('over gRPC', 'text/plain'))


@check('invocation: calls a gRPC app over HTTP')
def _():
    answer = client.invoke_method(orders, 'echo', '{"http": 1}', content_type='application/json', http_verb='POST')
    equal(answer.json(), {'http': 1})


@check('invocation: calls an HTTP app over gRPC')
def _():
    for through in (by_grpc, other):
        answer = through.invoke_method(inventory, 'stock', http_verb='GET')
        equal(json.loads(answer.data), {'canoe': 3})
        answer = through.invoke_method(
            inventory,
            'reserve',
            '{"item": "canoe"}',
            content_type='application/json',
            http_verb='POST',
            http_querystring=(('size', 'big'),),
        )
        equal(json.loads(answer.data), {'reserved': {'item': 'canoe'}, 'query': {'size': 'big'}})


@check('invocation: calls an HTTP app over HTTP')
def _():
    answer = client.invoke_method(
        inventory, 'reserve', '{"item": "canoe"}', content_type='application/json', http_verb='POST'
    )
    equal(answer.json(), {'reserved': {'item': 'canoe'}, 'query': {}})


@check('invocation: learns how a call has failed')
def _():
    error = fails(grpc.RpcError, lambda: by_grpc.invoke_method(inventory, 'fail', http_verb='PUT'))
    equal(error.code(), grpc.StatusCode.NOT_FOUND)
    error = fails(grpc.RpcError, lambda: by_grpc.invoke_method(orders, 'nothing', ''))
    equal(error.code(), grpc.StatusCode.UNIMPLEMENTED)
    error = fails(grpc.RpcError, lambda: by_grpc.invoke_method('nobody', 'stock', http_verb='GET'))
    equal(error.code(), grpc.StatusCode.INTERNAL)
    error = fails(DaprHttpError, lambda: client.invoke_method(inventory, 'fail', http_verb='PUT'))
    equal(error.status_code, 404)


def canoes(port):
    """A stub of the app's own service at a sidecar, and what the sidecar has to be told with each call."""
    channel = grpc.insecure_channel(f'127.0.0.1:{port}')
    metadata = (('dapr-app-id', orders), ('dapr-api-token', os.environ.get('DAPR_API_TOKEN', '')))
    return channel, canoes_pb2_grpc.CanoesStub(channel), metadata


def through_both(use):
    """At the app's own sidecar, and at another one, which passes it on."""
    for port in (os.environ['DAPR_GRPC_PORT'], os.environ['E2E_OTHER_GRPC_PORT']):
        channel, stub, app_id = canoes(port)
        with channel:
            use(stub, app_id)


@check("proxying: calls a method of an app's own service")
def _():
    def get(stub, app_id):
        canoe, call = stub.Get.with_call(
            canoes_pb2.GetRequest(name='Hokulea'), metadata=(*app_id, ('canoe-caller', 'python'))
        )
        equal((canoe.name, canoe.number), ('Hokulea', 1))
        equal(dict(call.initial_metadata()).get('canoe-caller'), 'python')

    through_both(get)


@check('proxying: streams to, from and both ways')
def _():
    def stream(stub, app_id):
        listed = stub.List(canoes_pb2.ListRequest(count=500), metadata=app_id)
        equal([canoe.number for canoe in listed], list(range(500)))
        total = stub.Load((canoes_pb2.Cargo(kilograms=n) for n in range(500)), metadata=app_id)
        equal((total.kilograms, total.pieces), (sum(range(500)), 500))
        strokes = queue.Queue()
        positions = stub.Paddle(iter(strokes.get, None), metadata=app_id)
        for turn in range(1, 4):
            strokes.put(canoes_pb2.Stroke(metres=5))
            equal(next(positions).metres, 5 * turn)
        strokes.put(None)
        equal(list(positions), [])

    through_both(stream)


@check('proxying: sees statuses and trailers')
def _():
    def get(stub, app_id):
        error = fails(grpc.RpcError, lambda: stub.Get(canoes_pb2.GetRequest(name='Kon-Tiki'), metadata=app_id))
        equal((error.code(), error.details()), (grpc.StatusCode.NOT_FOUND, 'no canoe is called Kon-Tiki'))
        equal(dict(error.trailing_metadata()).get('canoe-hint'), 'ask for Hokulea')

    through_both(get)


@check('proxying: ends a call that its caller has given up')
def _():
    channel, stub, app_id = canoes(os.environ['E2E_OTHER_GRPC_PORT'])
    with channel:
        call = stub.Drift.future(canoes_pb2.GetRequest(), metadata=app_id)
        received('drift', 1)
        call.cancel()
        received('drift-ended', 1)
        error = fails(grpc.RpcError, lambda: stub.Drift(canoes_pb2.GetRequest(), metadata=app_id, timeout=0.5))
        equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        received('drift-ended', 2)


@check('secrets: reads one and all')
def _():
    equal(client.get_secret('secretstore', 'conftestsecret').secret, {'conftestsecret': 'abcd'})
    secrets = client.get_bulk_secret('secretstore').secrets
    equal(secrets['database:password'], {'database:password': 'efgh'})
    error = fails(grpc.RpcError, lambda: client.get_secret('nowhere', 'x'))
    equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)


@check('bindings: writes and reads a file')
def _():
    client.invoke_binding('files', 'create', 'by Python', {'fileName': 'canoe.txt'})
    equal(client.invoke_binding('files', 'get', '', {'fileName': 'canoe.txt'}).text(), 'by Python')


@check('bindings: the app is told when it is time')
def _():
    received('ticks', 2)


@check('configuration: reads items')
def _():
    client.invoke_binding('redis', 'create', 'red||2', {'key': key('color')})
    items = client.get_configuration('configstore', [key('color'), key('missing')]).items
    equal((items[key('color')].value, items[key('color')].version), ('red', '2'))
    equal(list(items), [key('color')])


@check('configuration: is told of changes until it unsubscribes')
def _():
    changes = queue.Queue()
    subscription = client.subscribe_configuration(
        'configstore', [key('size')], lambda _, response: changes.put(response.items[key('size')].value)
    )
    client.invoke_binding('redis', 'create', 'big||1', {'key': key('size')})
    equal(changes.get(timeout=20), 'big')
    equal(client.unsubscribe_configuration('configstore', subscription), True)


@check('lock: is held by one owner at a time')
def _():
    with client.try_lock('lockstore', key('lock'), 'first', expiry_in_seconds=60) as lock:
        equal(lock.success, True)
        equal(client.try_lock('lockstore', key('lock'), 'second', expiry_in_seconds=60).success, False)
        equal(
            client.unlock('lockstore', key('lock'), 'second').status,
            UnlockResponseStatus.lock_belongs_to_others,
        )
    equal(client.unlock('lockstore', key('lock'), 'first').status, UnlockResponseStatus.lock_does_not_exist)


@check('metadata: shows what is loaded and takes an attribute')
def _():
    metadata = client.get_metadata()
    equal(metadata.application_id, orders)
    components = {component.name: component for component in metadata.registered_components}
    if not {'statestore', 'pubsub', 'secretstore'} <= components.keys():
        raise AssertionError(f'components: {sorted(components)}')
    if not {'ETAG', 'TRANSACTIONAL'} <= set(components['statestore'].capabilities):
        raise AssertionError(f'capabilities: {components["statestore"].capabilities}')
    client.set_metadata('color', 'red')
    equal(client.get_metadata().extended_metadata['color'], 'red')


@check('shutdown: ends the sidecar')
def _():
    client.shutdown()


run_checks()

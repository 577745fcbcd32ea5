"""An app on the SDK's gRPC server: methods, topics, an input binding and a service of its own."""

import os
import threading

import grpc
from canoes.v1 import canoes_pb2, canoes_pb2_grpc
from dapr.ext.grpc import (
    App,
    BindingRequest,
    InvokeMethodRequest,
    InvokeMethodResponse,
    Rule,
    SubscriptionMessage,
    TopicEventResponse,
)
from inbox import Inbox

run = os.environ['E2E_RUN']
inbox = Inbox()
app = App()


def seen(name, event: SubscriptionMessage):
    value = event.data() if event.data() is not None else event.raw_data().hex()
    return inbox.add(name, {'value': value, 'contentType': event.data_content_type(), 'topic': event.topic()})


@app.method('echo')
def echo(request: InvokeMethodRequest):
    return InvokeMethodResponse(request.data, request.content_type)


@app.method('received')
def received(request: InvokeMethodRequest):
    return inbox.answer(request.data)


@app.subscribe('pubsub', f'plain-{run}')
def plain(event: SubscriptionMessage):
    seen('plain', event)


@app.subscribe('pubsub', f'retry-{run}')
def retry(event: SubscriptionMessage):
    return TopicEventResponse('retry' if seen('retry', event) < 3 else 'success')


@app.subscribe('pubsub', f'drop-{run}')
def drop(event: SubscriptionMessage):
    seen('drop', event)
    return TopicEventResponse('drop')


@app.subscribe('pubsub', f'dead-{run}', dead_letter_topic=f'dead-letters-{run}')
def dead(event: SubscriptionMessage):
    return TopicEventResponse('retry')


@app.subscribe('pubsub', f'dead-letters-{run}')
def dead_letters(event: SubscriptionMessage):
    seen('dead-letters', event)


@app.subscribe('pubsub', f'raw-{run}', metadata={'rawPayload': 'true'})
def raw(event: SubscriptionMessage):
    seen('raw', event)


@app.subscribe('pubsub', f'routed-{run}', rule=Rule('event.type != "canoe"', 2))
def others(event: SubscriptionMessage):
    seen('others', event)


@app.subscribe('pubsub', f'routed-{run}', rule=Rule('event.type == "canoe"', 1))
def canoes(event: SubscriptionMessage):
    seen('canoes', event)


# A handler of its own name; the topic that comes in here is declared in YAML.
@app.subscribe('pubsub', f'unused-{run}', rule=Rule('true', 1))
def declared(event: SubscriptionMessage):
    seen('declared', event)


# Likewise, with bulkSubscribe.
@app.subscribe('pubsub', f'unused-{run}', rule=Rule('false', 2))
def bulk(event: SubscriptionMessage):
    seen('bulk', event)


@app.binding('ticks')
def ticks(request: BindingRequest):
    inbox.add('ticks', {})


class Canoes(canoes_pb2_grpc.CanoesServicer):
    def Get(self, request, context):
        if request.name != 'Hokulea':
            context.set_trailing_metadata((('canoe-hint', 'ask for Hokulea'),))
            context.abort(grpc.StatusCode.NOT_FOUND, f'no canoe is called {request.name}')
        metadata = dict(context.invocation_metadata())
        context.send_initial_metadata((('canoe-caller', metadata.get('canoe-caller', '')),))
        return canoes_pb2.Canoe(name=request.name, number=1)

    def List(self, request, context):
        for number in range(request.count):
            yield canoes_pb2.Canoe(name=f'canoe {number}', number=number, sail=bytes(1000))

    def Load(self, requests, context):
        pieces = [cargo.kilograms for cargo in requests]
        return canoes_pb2.Total(kilograms=sum(pieces), pieces=len(pieces))

    def Paddle(self, requests, context):
        metres = 0
        for stroke in requests:
            metres += stroke.metres
            yield canoes_pb2.Position(metres=metres)

    def Drift(self, request, context):
        ended = threading.Event()
        context.add_callback(ended.set)
        inbox.add('drift', {})
        ended.wait()
        inbox.add('drift-ended', {})
        return canoes_pb2.Canoe()


app.add_external_service(canoes_pb2_grpc.add_CanoesServicer_to_server, Canoes())
app.register_health_check(lambda: None)
print('listening', flush=True)
app.run(int(os.environ['APP_PORT']), '127.0.0.1')

"""A state store and a broker as Dapr pluggable components: the protocol's generated code and gRPC for Python, nothing of Outrigger.

component.py SOCKET FOLDER: the code generated from the protocol's files is in FOLDER. Items and messages are in a file beside the
socket, so that a process that is started again has them.
"""

import itertools
import json
import os
import queue
import signal
import sys
import threading
from concurrent import futures

socket, generated = sys.argv[1:]
sys.path.insert(0, generated)

import grpc  # noqa: E402
from google.protobuf import any_pb2  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from grpc_reflection.v1alpha import reflection  # noqa: E402
from grpc_status import rpc_status  # noqa: E402

from dapr.proto.components.v1 import pubsub_pb2, pubsub_pb2_grpc, state_pb2, state_pb2_grpc  # noqa: E402
from dapr.proto.components.v1 import common_pb2  # noqa: E402

data_file = socket + ".json"
lock = threading.RLock()
kept = {"items": {}, "messages": [], "count": 0, "inits": []}
if os.path.exists(data_file):
    with open(data_file) as file:
        kept = json.load(file)


def keep():
    with open(data_file + ".new", "w") as file:
        json.dump(kept, file)
    os.replace(data_file + ".new", data_file)


def instance_of(context):
    return dict(context.invocation_metadata()).get("x-component-instance", "")


def refuse_etag(context, code, message):
    violation = error_details_pb2.BadRequest.FieldViolation(field="etag", description=message)
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    status = status_pb2.Status(code=code.value[0], message="the write was refused", details=[detail])
    context.abort_with_status(rpc_status.to_status(status))


def check(request, context):
    present = kept["items"].get(request.key)
    if request.HasField("etag"):
        if not request.etag.value.isdigit():
            refuse_etag(context, grpc.StatusCode.INVALID_ARGUMENT, "an etag of this store is a number")
        if present is None or present["etag"] != request.etag.value:
            refuse_etag(context, grpc.StatusCode.FAILED_PRECONDITION, "the item has changed")
    elif request.options.concurrency == state_pb2.StateOptions.CONCURRENCY_FIRST_WRITE and present is not None:
        refuse_etag(context, grpc.StatusCode.FAILED_PRECONDITION, "the item is there")


def write(request):
    kept["count"] += 1
    kept["items"][request.key] = {
        "value": request.value.decode(),
        "etag": str(kept["count"]),
        "metadata": dict(request.metadata),
    }


class StateStore(state_pb2_grpc.StateStoreServicer, state_pb2_grpc.TransactionalStateStoreServicer):
    def Init(self, request, context):
        properties = request.metadata.properties
        if properties.get("greeting") != "hello":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the greeting has to be hello")
        with lock:
            kept["inits"].append([instance_of(context), os.getpid()])
            keep()
        return state_pb2.InitResponse()

    def Features(self, request, context):
        return common_pb2.FeaturesResponse(features=["ETAG", "TRANSACTIONAL", "TTL"])

    def Get(self, request, context):
        if request.key.endswith("inits"):
            return state_pb2.GetResponse(data=json.dumps(kept["inits"]).encode())
        item = kept["items"].get(request.key)
        if item is None:
            return state_pb2.GetResponse()
        metadata = {}
        if "ttlInSeconds" in item["metadata"]:
            metadata["ttlExpireTime"] = "2100-01-01T00:00:00Z"
        etag = state_pb2.Etag(value=item["etag"])
        return state_pb2.GetResponse(data=item["value"].encode(), etag=etag, metadata=metadata)

    def Set(self, request, context):
        with lock:
            check(request, context)
            write(request)
            keep()
        return state_pb2.SetResponse()

    def Delete(self, request, context):
        with lock:
            check(request, context)
            kept["items"].pop(request.key, None)
            keep()
        return state_pb2.DeleteResponse()

    def Transact(self, request, context):
        with lock:
            for operation in request.operations:
                check(getattr(operation, operation.WhichOneof("request")), context)
            for operation in request.operations:
                if operation.WhichOneof("request") == "set":
                    write(operation.set)
                else:
                    kept["items"].pop(operation.delete.key, None)
            keep()
        return state_pb2.TransactionalStateResponse()


wakers = []


class PubSub(pubsub_pb2_grpc.PubSubServicer):
    def Init(self, request, context):
        return pubsub_pb2.PubSubInitResponse()

    def Features(self, request, context):
        return common_pb2.FeaturesResponse()

    def Publish(self, request, context):
        with lock:
            kept["messages"].append([request.topic, request.data.decode(), request.content_type])
            keep()
        for waker in list(wakers):
            waker.put(None)
        return pubsub_pb2.PublishResponse()

    def PullMessages(self, requests, context):
        topic = next(requests).topic.name
        events = queue.Queue()
        wakers.append(events)
        context.add_callback(lambda: events.put(StopIteration))

        def listen():
            try:
                for request in requests:
                    events.put(request)
            except grpc.RpcError:
                pass
            events.put(StopIteration)

        threading.Thread(target=listen, daemon=True).start()
        numbers = itertools.count(1)
        sent = None
        try:
            while True:
                if sent is None:
                    with lock:
                        sent = next((message for message in kept["messages"] if message[0] == topic), None)
                    if sent is not None:
                        number = str(next(numbers))
                        yield pubsub_pb2.PullMessagesResponse(
                            data=sent[1].encode(), topic_name=topic, content_type=sent[2], id=number
                        )
                event = events.get()
                if event is StopIteration:
                    return
                if event is not None and event.ack_message_id == number:
                    if not event.HasField("ack_error"):
                        with lock:
                            kept["messages"].remove(sent)
                            keep()
                    sent = None
        finally:
            wakers.remove(events)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
store = StateStore()
state_pb2_grpc.add_StateStoreServicer_to_server(store, server)
state_pb2_grpc.add_TransactionalStateStoreServicer_to_server(store, server)
pubsub_pb2_grpc.add_PubSubServicer_to_server(PubSub(), server)
names = [
    state_pb2.DESCRIPTOR.services_by_name["StateStore"].full_name,
    state_pb2.DESCRIPTOR.services_by_name["TransactionalStateStore"].full_name,
    pubsub_pb2.DESCRIPTOR.services_by_name["PubSub"].full_name,
    reflection.SERVICE_NAME,
]
reflection.enable_server_reflection(names, server)
if os.path.exists(socket):
    os.unlink(socket)
server.add_insecure_port("unix://" + socket)
server.start()
print("ready", flush=True)
signal.signal(signal.SIGTERM, lambda *_: server.stop(1))
server.wait_for_termination()

"""An app on the SDK's FastAPI extension."""

import os
from typing import Any

import uvicorn
from dapr.ext.fastapi import DaprApp
from fastapi import Body, FastAPI, Request, Response
from inbox import Inbox

run = os.environ['E2E_RUN']
inbox = Inbox()
app = FastAPI()
dapr = DaprApp(app)


@app.get('/stock')
def stock():
    return {'canoe': 3}


@app.post('/reserve')
async def reserve(request: Request):
    return {'reserved': await request.json(), 'query': dict(request.query_params)}


@app.put('/fail')
def fail():
    return Response('no such canoe', status_code=404, media_type='text/plain')


@app.post('/received')
def received(query: Any = Body()):
    return inbox.wait(query['inbox'], query['count'])


@dapr.subscribe('pubsub', f'web-{run}', route='/web')
def web(event: Any = Body()):
    inbox.add('web', {'value': event['data'], 'topic': event['topic']})
    return {'status': 'SUCCESS'}


@app.post('/declared')
def declared(event: Any = Body()):
    inbox.add('declared', {'value': event['data'], 'topic': event['topic']})


@app.post('/bulk')
def bulk(request: Any = Body()):
    for entry in request['entries']:
        inbox.add('bulk', {'value': entry['event']['data'], 'topic': request['topic']})
    return {'statuses': [{'entryId': entry['entryId'], 'status': 'SUCCESS'} for entry in request['entries']]}


uvicorn.run(app, host='127.0.0.1', port=int(os.environ['APP_PORT']), log_level='warning')

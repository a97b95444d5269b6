"""The Lambda function that people write in Python for a plan of this kind: it
reads the gateways and the route tables with boto3, one after the other, and
answers which routes would move. The loop at the end is what AWS's runtime for
Python does, as short as it can be."""

import http.client
import json
import os

import boto3

table = boto3.client("dynamodb")
ec2 = boto3.client("ec2")
ledger = table.get_item(TableName="drover", Key={"pk": {"S": "ledger"}, "sk": {"S": "ledger"}}, ConsistentRead=True)


def handler(event):
    dead, standby = os.environ["MEMBERS"].split(",")
    table.get_item(TableName="drover", Key={"pk": {"S": "claims"}, "sk": {"S": "claims"}}, ConsistentRead=True)
    interfaces = {}
    for reservation in ec2.describe_instances(InstanceIds=[dead, standby])["Reservations"]:
        for instance in reservation["Instances"]:
            interfaces[instance["InstanceId"]] = (instance["State"]["Name"], instance["NetworkInterfaces"][0]["NetworkInterfaceId"])
    changes = []
    if event["plan"]["detail"]["instance-id"] == dead and interfaces[dead][0] != "running":
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [os.environ["VPC"]]}])
        for t in tables["RouteTables"]:
            for route in t["Routes"]:
                if route.get("NetworkInterfaceId") == interfaces[dead][1]:
                    changes.append({"table": t["RouteTableId"], "to": interfaces[standby][1]})
    return {"changes": changes}


api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    response = api.getresponse()
    request = response.getheader("Lambda-Runtime-Aws-Request-Id")
    answer = handler(json.loads(response.read()))
    api.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", json.dumps(answer))
    api.getresponse().read()

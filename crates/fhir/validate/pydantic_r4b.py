"""Holds each line of a file to fhir.resources' models (R4B). Says how many resources and faults there are."""

import json
import sys
from collections import Counter

from fhir.resources.R4B import get_fhir_model_class

types, faults = Counter(), 0


def check(resource):
    global faults
    types[resource["resourceType"]] += 1
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except Exception as fault:  # each kind of fault is one
        faults += 1
        if faults <= 20:
            print(resource["resourceType"], fault, json.dumps(resource))


for line in open(sys.argv[1], encoding="utf8"):
    resource = json.loads(line)
    check(resource)
    for entry in resource.get("entry", []):
        check(entry["resource"])
print("fhir.resources:", dict(types), "faults:", faults)
sys.exit(1 if faults else 0)

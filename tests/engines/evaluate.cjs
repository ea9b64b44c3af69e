// Evaluates expressions on the reference implementation of JSONata.
// usage: evaluate.cjs NODE_MODULES <(JSON [{text, values}]) >(JSON [{value} | {nothing} | {error}])
const [, , modules] = process.argv;
const jsonata = require(`${modules}/jsonata`);

async function main() {
  const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const compiled = new Map();
  const answers = [];
  for (const { text, values } of asked) {
    try {
      if (!compiled.has(text)) compiled.set(text, jsonata(text));
      const value = await compiled.get(text).evaluate(undefined, values);
      answers.push(value === undefined ? { nothing: true } : { value });
    } catch (error) {
      answers.push({ error: error.code || String(error) });
    }
  }
  process.stdout.write(JSON.stringify(answers));
}

main();

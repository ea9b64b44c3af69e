// A DynamoDB on a free port of loopback, until its standard input ends. Prints the port.
// usage: dynalite.cjs NODE_MODULES
const [, , modules] = process.argv;
const dynalite = require(`${modules}/dynalite`);

const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();

// DBOS Transact with the workflows of ../BenchHost.cs. It says {"dbos", "node"} when it is up, then reads lines "bench count" and answers
// each with {"seconds"}. DBOS_SYSTEM_DATABASE_URL names its database.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { DBOS } from '@dbos-inc/dbos-sdk';

const CLIENTS = 64;
const CITIES = ['Seoul', 'Busan', 'Incheon', 'Daegu', 'Jeju'];

const hello = (name) => DBOS.runStep(async () => `Hello ${name}!`, { name: 'Hello' });

const chain = DBOS.registerWorkflow(
  async (steps) => {
    for (let i = 0; i < steps; i++) await hello('x');
    return steps;
  },
  { name: 'Chain' },
);

const fanOut = DBOS.registerWorkflow(
  async (steps) => (await Promise.all(Array.from({ length: steps }, () => hello('x')))).length,
  { name: 'FanOut' },
);

const helloCities = DBOS.registerWorkflow(
  async () => {
    const greetings = [];
    for (const city of CITIES) greetings.push(await hello(city));
    return greetings;
  },
  { name: 'Cities' },
);

/** Each client waits for the end of one workflow before it starts the next. */
async function cities(count) {
  let started = 0;
  const client = async () => {
    while (started++ < count) await helloCities();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

const benches = new Map(Object.entries({ chain, fanOut, cities }));

// A pool of 20 was the fastest of 10, 20 and 50 on two cores.
DBOS.setConfig({
  name: 'durable-bench',
  systemDatabaseUrl: process.env.DBOS_SYSTEM_DATABASE_URL,
  systemDatabasePoolSize: 20,
  logLevel: 'error',
  tracingEnabled: false,
});
await DBOS.launch();
const { version } = createRequire(import.meta.url)('./node_modules/@dbos-inc/dbos-sdk/package.json');
console.log(JSON.stringify({ dbos: version, node: process.versions.node }));
for await (const line of createInterface({ input: process.stdin })) {
  const [name, count] = line.split(' ');
  const run = benches.get(name);
  const start = performance.now();
  await run(Number(count));
  console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000 }));
}
await DBOS.shutdown();

// Parses every view of the given SQL files with Spark's grammar. Prints each fault; the exit code is 1 when there is one.
import { readFileSync } from "node:fs";
import { register } from "node:module";

register("./resolve.mjs", import.meta.url);
const { SparkSQL } = await import("dt-sql-parser");

let views = 0;
for (const file of process.argv.slice(2)) {
  const [, ...parts] = readFileSync(file, "utf8").split(/^-- view: (\S+).*$/m);
  for (let at = 0; at < parts.length; at += 2, views++) {
    const faults = new SparkSQL().validate(parts[at + 1].replace(/--.*$/gm, "").trim() + ";");
    for (const fault of faults) {
      console.log(`${file}, view ${parts[at]}, line ${fault.startLine}: ${fault.message}`);
      process.exitCode = 1;
    }
  }
}
console.log(`${views} views`);

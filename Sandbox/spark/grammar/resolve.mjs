// dt-sql-parser is written for bundlers: its imports leave out '.js' and '/index.js', which Node wants.
export async function resolve(specifier, context, next) {
  for (const ending of ["", ".js", "/index.js"]) {
    try {
      return await next(specifier + ending, context);
    } catch (fault) {
      if (ending === "/index.js" || !specifier.startsWith(".")) throw fault;
    }
  }
}

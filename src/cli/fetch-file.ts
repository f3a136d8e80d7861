console.log('fetch-file', process.version, process.argv.slice(2));

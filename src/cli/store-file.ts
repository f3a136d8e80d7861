console.log('store-file', process.version, process.argv.slice(2));

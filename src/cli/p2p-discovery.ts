console.log('p2p-discovery', process.version, process.argv.slice(2));

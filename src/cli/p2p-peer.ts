console.log('p2p-peer', process.version, process.argv.slice(2));

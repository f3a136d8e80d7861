/**
 * Names that share one 16-bit key. They were searched for by brute force, in 13 million hashes; who uses them checks that
 * they do.
 */

const NUMBERS_BASE_36 = `
p1b 1smu 43ee 79v2 8u2g dvw5 fsbq geqg goij h4kp hwex izjn m8kq os10 q2l1 qr2h rtn8 sdpy swhb t108 ub0z ufsb
v2sq vku4 w2je wjmp 11s3g 12hr8 12kyi 14xml 16e47 16ojd 16ux1 17u3c 18mpc 18ukb 1a4ab 1a5rr 1bklw 1ch2g 1fj3i
1ginp 1ji0z 1m5zc 1mjqu 1ocat 1pmm7 1sr3z 1ypfa 20i16 225cg 24de8 27gnh 283fk 28ul6 2byzn 2cnqp 2csq0 2ctsy
2d068 2h1hn 2hk4b 2hxbu 2i22s 2itui 2l3m4 2l6dx 2l6fu 2m9l6 2nmxy 2o2v7 2qjml 2qtmw 2rjhd 2sewm 2sl8v 2ur76
2uv9c 2vdcs 2vimx 2vwk4 2wbe0 2xanz 2yq28 30d3c 33m8h 366t4 37ahb 38tjv 3e096 3gd9q 3j9kp 3kc14 3rggt 3tb1u
3tqpt 3tw5m 3u5nc 3upvv 3v4zc 3vwwg 3wo6t 3wqoo 3xnpr 3xnuc 3z4x3 40kgk 41vwx 43kuy 44l6o 45qhk 4bfa1 4cbzd
4e6xg 4gov9 4hlop 4hse3 4i327 4ji32 4lz58 4o3bc 4pybj 4rd6v 4rjvr 4ufnq 4wxcc 50bkm 54vgs 54zpg 55rhe 57f52
588re 58bzt 58gq2 59318 5bwaf 5f34o 5i2a7 5k5mz 5lrqg 5ozwx 5tn8u 5v1h2 5vlk8 5x4uf 5zlsy 61ilm 62u3m 65xwn
66dn0 67j0x 68ol0 68vxu 6am9w 6dhx3 6hw6j 6jfll 6k6s0 6kuol 6mv1d 6n3q1 6nlvw 6y3tt 6yr2p 6zfdn 718k9 72jw4
73i19 78h44 79c6z 79hjl 7caih 7ckzx 7dla7 7dx9r 7ec7m 7fym6 7g5xo 7g6ri 7gxka 7hcsx 7hoeh 7i0q3 7iozh 7j1t2
7j6ky 7kxtm 7o87i 7qklq 7qqp0 7s343 7sr4c 7sy94 7vcxi 7y5o6 7yygl 80uso 80ynn 82n3o 82w8j
`;

export const NAMES_WITH_ONE_KEY: readonly string[] = NUMBERS_BASE_36.trim()
  .split(/\s+/)
  .map((digits) => `many ${String(parseInt(digits, 36))}`);

/* hash_answers.h - what the hashes of keys are, according to others: libhashkit 1.1.4 for those it
 * has, Python's hashlib and zlib, xxhsum, pymemcache 3.5.2, and for the rest models in Python of
 * what twemproxy, spymemcached and mcrouter compute. */
#ifndef KETCH_T_RING_HASH_ANSWERS_H
#define KETCH_T_RING_HASH_ANSWERS_H

#include "ring/keyhash.h"

enum { ANSWER_KEYS = 15 };

static const struct ketch_bytes answer_keys[ANSWER_KEYS] = {
    {"", 0},
    {"a", 1},
    {"ab", 2},
    {"abc", 3},
    {"abcd", 4},
    {"user:42:profile", 15},
    {"10.0.1.1:11222-39", 17},
    {"\377", 1},
    {"\200\201\202", 3},
    {"k\351", 2},
    {"caf\303\251:\342\202\254:\360\237\230\200", 14},
    {"\360\237\230x\303(\355\240\200", 9},
    {"\001\002\003\004\005\006\007\010\011\012\013\014\015", 13},
    {"\310\311\312\313\314\315\316\317\320\321\322\323\324\325\326\327"
     "\330\331\332\333\334\335\336\337\340\341\342\343\344\345\346\347"
     "\350\351\352\353\354\355\356\357\360\361\362\363\364\365\366\367"
     "\370\371\372\373\374\375\376\377",
     56},
    {"\003\012\021\030\037&-4;BIPW^el"
     "sz\201\210\217\226\235\244\253\262\271\300\307\316\325\334"
     "\343\352\361\370\377\006\015\024\033\042)07>EL"
     "SZahov}\204\213\222\231\240\247\256\265\274"
     "\303\312\321\330\337\346\355\364\373\002\011\020\027\036%,"
     "3:AHOV]dkry\200\207\216\225\234"
     "\243\252\261\270\277\306\315\324\333\342\351\360\367\376\005\014"
     "\023\032!(/6=DKRY`gnu|"
     "\203\212\221\230\237\246\255\264\273\302\311\320\327\336\345\354"
     "\363\372\001\010\017\026\035$+29@GNU\134"
     "cjqx\177\206\215\224\233\242\251\260\267\276\305\314"
     "\323\332\341\350\357\366\375\004\013\022\031 '.5<"
     "CJQX_fmt{\202\211\220\227\236\245\254"
     "\263\272\301\310\317\326\335\344\353\362\371\000\007\016\025\034"
     "#*18\077FMT[bipw~\205\214"
     "\223\232\241\250\257\266\275\304\313\322",
     250},
};

static const struct answer {
    enum ring_hash hash;
    uint32_t of_key[ANSWER_KEYS];
} answers[] = {
    {RING_HASH_ONE_AT_A_TIME,
     {0x00000000, 0xca2e9442, 0x45e61e58, 0xed131f5b, 0xcd8b6206, 0x6d241f9a, 0x8fb73bc9,
      0xae65a494, 0xe8cce13b, 0x106fa81c, 0x3f2dedb2, 0x95535442, 0x36e3f700, 0x27b5de2b,
      0xdfc65dc3}},
    {RING_HASH_MD5,
     {0xd98c1dd4, 0xb975c10c, 0x43f47e18, 0x98500190, 0x4c71fce2, 0x7155e92c, 0x259a54bd,
      0xd44f5900, 0x0a7685b3, 0xa01b2d01, 0xedbae94d, 0x308381c4, 0xe2831cb6, 0x26c661f4,
      0x6a25d13d}},
    {RING_HASH_CRC,
     {0x00000000, 0x000068b7, 0x00001e83, 0x00003524, 0x00006d82, 0x00000c87, 0x000072ea,
      0x00007f00, 0x00003f5a, 0x00001e06, 0x00001c2e, 0x000014bf, 0x00003720, 0x00001159,
      0x0000662d}},
    {RING_HASH_CRC32,
     {0x00000000, 0xe8b7be43, 0x9e83486d, 0x352441c2, 0xed82cd11, 0x0c876432, 0x72ea3494,
      0xff000000, 0x3f5a8994, 0x1e06fa4f, 0x9c2efa0d, 0x94bfaf7e, 0xb720698d, 0x115973c2,
      0xe62d6660}},
    {RING_HASH_CRC16,
     {0x00000000, 0x00007c87, 0x007c74ff, 0x7c749dd6, 0x749da836, 0x5d68a3ad, 0xa2164d8d,
      0x00001ef0, 0x919aa239, 0x00ddbbd7, 0xa016b87f, 0x1b534b1e, 0xf284d1a1, 0xe36f1fb9,
      0x2026ea9b}},
    {RING_HASH_FNV1_32,
     {0x811c9dc5, 0x050c5d7e, 0x70772d38, 0x439c2f4b, 0xb9de7375, 0x9122d231, 0x46c1295b,
      0xfaf3a2e0, 0xcfab51a6, 0x9988e275, 0xe1a9fbc0, 0x3809d278, 0x51e160c2, 0xd4913715,
      0x5d7cb8d6}},
    {RING_HASH_FNV1A_32,
     {0x811c9dc5, 0xe40c292c, 0x4d2505ca, 0x1a47e90b, 0xce3479bd, 0xcebf12ed, 0x762365db,
      0xf9f3a14e, 0x0ef7fca8, 0x45c249b9, 0xe9e5310e, 0xf95562fa, 0x9567fd48, 0x259293ad,
      0xdf982398}},
    {RING_HASH_FNV1_64,
     {0x84222325, 0x8601b7be, 0xb4eb37b8, 0x6bafadcb, 0xfb844f95, 0x91f44491, 0x1dbe97db,
      0x79fe4820, 0x94a33c86, 0x4b14d935, 0x25aeb760, 0xb9944d18, 0x2d100082, 0xb3953d75,
      0xebb02416}},
    {RING_HASH_FNV1A_64,
     {0x84222325, 0x8601ec8c, 0xb545986a, 0x0541574b, 0xee0724dd, 0x3716598d, 0x6883a69b,
      0x79fe466e, 0x8a50dfa8, 0x4a9e0e39, 0x255355ce, 0xa7b5193a, 0x2d012be8, 0xc99ac60d,
      0xabad5b78}},
    {RING_HASH_MURMUR,
     {0x00000000, 0x4b41757c, 0xe3b54dfb, 0x7b0cc428, 0xef6a86af, 0xd326ddd4, 0x00acf126,
      0xdb530a9c, 0x5822874f, 0x204dce8c, 0x6a52328d, 0x995f476b, 0xa028afab, 0xf767d02c,
      0xcc0bf9b5}},
    {RING_HASH_MURMUR3,
     {0x00000000, 0x8872dbc8, 0x820b9d10, 0x25d3a89a, 0x0ac28782, 0xbb5d36e8, 0x3fd9d914,
      0x780f613e, 0x5fbe9910, 0xd1a18551, 0xf578b881, 0x64a06ef4, 0xa0a9512c, 0x4171e3d9,
      0x71c990a8}},
    {RING_HASH_JENKINS,
     {0xdeadbefc, 0xe0a38690, 0xc1b5695b, 0x8f415600, 0xd512151a, 0xdfad59df, 0x4221a0f2,
      0xe1964da8, 0x3015dd51, 0x3aca0132, 0xf0f86728, 0x9920e914, 0xa651a042, 0xc3883016,
      0xe14f1b55}},
    {RING_HASH_HSIEH,
     {0x00000000, 0x93642e87, 0x5b8c0ec3, 0xe5186b3a, 0x3ab452d8, 0x220968bb, 0xa48f5096,
      0x02a6dba8, 0x6bc37572, 0x5c7edc8e, 0xa8afae70, 0x1c719a47, 0x74560c71, 0x445247f2,
      0xdd47327c}},
    {RING_HASH_XXH3,
     {0x38d394c2, 0x1e964e1f, 0x24d5735c, 0x892f3950, 0x53a89890, 0x90da5675, 0x7091126a,
      0x6b29d72e, 0x2c6a6ad1, 0x7469166c, 0x1114f31b, 0xd708b17b, 0xb4f9bd24, 0xbd99d330,
      0xf5d5621b}},
    {RING_HASH_SHA1,
     {0xda39a3ee, 0x86f7e437, 0xda23614e, 0xa9993e36, 0x81fe8bfe, 0xbd65d40b, 0x2c816724,
      0x85e53271, 0x9c6bc79d, 0x0cb94940, 0x5cec7d9c, 0xf905e2f9, 0x30ef5847, 0xb7479e32,
      0x09a360b9}},
    {RING_HASH_JAVA_STRING,
     {0x00000000, 0x00000061, 0x00000c21, 0x00017862, 0x002d9442, 0xd56233bc, 0x0468f9f4,
      0x0000fffd, 0x03e0f45d, 0x00010cf2, 0x6644fcaa, 0x849db577, 0x62cd5407, 0x96246580,
      0x7cbec0e0}},
    {RING_HASH_JAVA_FNV1_32,
     {0x811c9dc5, 0x050c5d7e, 0x70772d38, 0x439c2f4b, 0xb9de7375, 0x9122d231, 0x46c1295b,
      0x050ca2e2, 0x5ed8811c, 0x6677e261, 0xd39ae691, 0x5fbb4684, 0x51e160c2, 0x4d3b0a7d,
      0x98f2f68b}},
    {RING_HASH_JAVA_FNV1A_32,
     {0x811c9dc5, 0xe40c292c, 0x4d2505ca, 0x1a47e90b, 0xce3479bd, 0xcebf12ed, 0x762365db,
      0x77ae9e28, 0xf75b5f36, 0xd51d6935, 0x57f55a85, 0x405a439e, 0x9567fd48, 0x65ea3b2d,
      0x51a93537}},
    {RING_HASH_JAVA_FNV1_64,
     {0x84222325, 0x8601b7be, 0xb4eb37b8, 0x6bafadcb, 0xfb844f95, 0x91f44491, 0x1dbe97db,
      0x86014822, 0x2932b1bc, 0xb4ebd921, 0x7bd10af1, 0x461362a4, 0x2d100082, 0xe667335d,
      0x9336da4b}},
    {RING_HASH_JAVA_FNV1A_64,
     {0x84222325, 0x8601ec8c, 0xb545986a, 0x0541574b, 0xee0724dd, 0x3716598d, 0x6883a69b,
      0x873d4308, 0xe2c87f76, 0xb3b73035, 0x564c2fe5, 0x60193fde, 0x2d012be8, 0x4543f80d,
      0xdf883077}},
};

static const struct wide_answer {
    uint64_t murmur64a; /* seed 4193360111 */
    uint64_t xxh3;
    uint64_t pair;     /* of the two, as upper and lower half */
    uint32_t spooky32; /* seed 0xface2014 */
    uint32_t furc_7, furc_1000, jump_7, jump_1000;
} wide_answers[ANSWER_KEYS] = {
    {0x4d408de62dee109a, 0x2d06800538d394c2, 0x20673268143168e7,
     0x6f2b12a5, 6, 72, 0, 241},
    {0x3d6961c699914c7b, 0xe6c632b61e964e1f, 0xac4cb063b6e35cc1,
     0xa836647e, 4, 900, 1, 350},
    {0x606a53adc02273c7, 0xa873719c24d5735c, 0x6a68c5fc87b0a637,
     0xedaca236, 2, 429, 0, 954},
    {0xc79f4a6608ed5fd8, 0x78af5f94892f3950, 0x2c3c144d9942eba8,
     0x783ffe4c, 5, 985, 2, 780},
    {0xa2f5b23157bf4120, 0x6497a96f53a89890, 0x655db42fc7bcdc2e,
     0x05766eed, 0, 186, 2, 574},
    {0x50ee9bbaf2f93a3c, 0x1708121490da5675, 0x0cf86ad47b4daba7,
     0x41e12868, 5, 374, 5, 817},
    {0x1bcb1013788cd048, 0x72350f2b7091126a, 0xde4d133321f386a7,
     0x1ccf8eda, 5, 51, 5, 175},
    {0xafac58a2b9d05d2c, 0xd6bcec3c6b29d72e, 0xcd1c571a4de0cc4a,
     0x8c3eda9e, 4, 218, 2, 436},
    {0x7b0d674f51e14ef6, 0xd201b5d42c6a6ad1, 0x86d976de1f4f73f9,
     0x6c7f8dbb, 2, 979, 2, 409},
    {0x7f4d4544921f2236, 0x3570266f7469166c, 0x6dc99aab174fec21,
     0xb5ffbeda, 3, 305, 4, 811},
    {0x963acd61bea6bfef, 0xad4cd0f91114f31b, 0x53da602619ab782d,
     0x7a7174ea, 4, 526, 2, 72},
    {0xaba5ac3f8b748992, 0x2135f5b4d708b17b, 0x552911426890565f,
     0xe2f5231e, 1, 197, 3, 544},
    {0xbf639ccca4d25087, 0xa2323352b4f9bd24, 0x533c5bd5f057add3,
     0xd72a670f, 2, 84, 1, 957},
    {0xb17fbef0cefc31ee, 0xa6a900e7bd99d330, 0x8cc1be6f246c6a11,
     0x5e891c94, 3, 242, 3, 690},
    {0x79e30ae4b82b7bb6, 0x3b94ffd8f5d5621b, 0x03c1eb3ef4d2bd17,
     0xe1538d97, 2, 349, 1, 129},
};

#define PYMEMCACHE_ANSWER 0x8985122d

#endif

/* crc.h - the cyclic redundancy checks that clients place keys with.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_CRC_H
#define KETCH_RING_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 of IEEE 802.3: reflected, starts and ends inverted. */
uint32_t crc32_ieee(const void *p, size_t bytes);

/* The CRC-32 of what 'crc' is the CRC-32 of, and these bytes after it; 0 is that of no bytes. */
uint32_t crc32_ieee_more(uint32_t crc, const void *p, size_t bytes);

/* twemproxy's crc16: the CCITT polynomial 0x1021, most significant bit first, from 0.  Its register
 * is 32 bits wide and is never cut to 16, so that what leaves the low half stays in the answer. */
uint32_t crc16_unmasked(const void *p, size_t bytes);

#endif

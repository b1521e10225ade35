/* address.h - where the server is, and a socket to it.
 *
 * Failure: a message on standard error.
 */
#ifndef KETCH_TOOLS_LOAD_ADDRESS_H
#define KETCH_TOOLS_LOAD_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/attr.h"

struct address {
    struct sockaddr_storage storage;
    socklen_t bytes;
};

/* Resolves "host:port", "[v6]:port", or a path with a '/' in it. */
bool address_resolve(struct address *a, const char *text) MUST_USE;

/* A blocking socket, connected; waits at most 'timeout_s' for that and for each read and write.
 * 'source' picks the address to come from when the server is on 127.0.0.0/8: one source address has
 * ports for some 28,000 connections to one server.  Returns -1 with errno set on failure. */
int address_connect(const struct address *a, uint64_t source, double timeout_s) MUST_USE;

#endif

/* certificates.h - keys and certificates for a test, made when it runs: nothing expires in the
 * tree.
 *
 * Threads:   one.
 * Failure:   whatever the library refuses ends the test.
 */
#ifndef KETCH_T_CLIENT_CERTIFICATES_H
#define KETCH_T_CLIENT_CERTIFICATES_H

/* DIRECTORY/NAME.pem and DIRECTORY/NAME.key of an authority. */
void certificates_make_authority(const char *directory, const char *name);

/* The same of a server or a client, signed by that authority.  names: as "DNS:a.test,IP:127.0.0.1";
 * until_s: seconds from now, below 0: it has expired. */
void certificates_make(const char *directory, const char *name, const char *authority,
                       const char *names, long until_s);

#endif

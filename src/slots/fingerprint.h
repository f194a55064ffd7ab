/*
 * fingerprint.h
 *		What the catalogs say that answers are made with, as one number.
 */
#ifndef AC_SLOTS_FINGERPRINT_H
#define AC_SLOTS_FINGERPRINT_H

/*
 * Of the attached relations with all their partitions, and the extension's
 * own, whose owners may call the trigger function or not; under the active snapshot.  Caller is connected to SPI.  Raises what
 * queries raise.
 */
extern uint64 fingerprint_of(const Oid *relids, int n, Oid trigger_function);

#endif /* AC_SLOTS_FINGERPRINT_H */

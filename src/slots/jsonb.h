/*
 * jsonb.h
 *		Answers as get_available_slots_v2 gives them.
 */
#ifndef AC_SLOTS_JSONB_H
#define AC_SLOTS_JSONB_H

#include "utils/jsonb.h"

/* A packed answer (answer.h), in the current context. */
extern Jsonb *answer_to_jsonb(const char *packed, bool from_cache);
/* What is given for an error. */
extern Jsonb *error_to_jsonb(const char *message, const char *code);

#endif /* AC_SLOTS_JSONB_H */

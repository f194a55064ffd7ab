/*
 * json.h
 *		Answers as get_available_slots_json gives them.
 */
#ifndef AC_SLOTS_JSON_H
#define AC_SLOTS_JSON_H

/* A packed answer (answer.h), in the current context. */
extern text *answer_to_json(const char *packed, bool from_cache);
/* What is given for an error. */
extern text *error_to_json(const char *message, const char *code);

#endif /* AC_SLOTS_JSON_H */

/* SPDX-License-Identifier: MIT */
/* schema.h - the numbered steps; see schema.c. */
#ifndef IB_SCHEMA_H
#define IB_SCHEMA_H

/* SQLite's application_id of our files: "MIfP". */
#define SCHEMA_APPLICATION_ID	0x4d496650

extern const char *const schema_steps[];
extern const int schema_nsteps;

#endif

/* SPDX-License-Identifier: MIT */
/* filetype.c - see filetype.h. */
#include "filetype.h"
#include "str.h"

#include <string.h>
#include <unistd.h>

#define NAME_MAX_	120	/* of a file name */

static const struct filetype unknown = { "application/octet-stream", NULL, FILE_AS_FILE, false, false };

/* The first that fits.  `brand`: of an ISO file (mp4, HEIC and others), behind "ftyp". */
static const struct row {
	size_t		 at;
	const char	*magic;
	size_t		 n;
	const char	*brand;
	struct filetype	 type;
} rows[] = {
	{ 0, "\xff\xd8\xff", 3, NULL, { "image/jpeg", "JPEG", FILE_AS_IMAGE, true, false } },
	{ 0, "\x89PNG\r\n\x1a\n", 8, NULL, { "image/png", "PNG", FILE_AS_IMAGE, true, false } },
	{ 0, "GIF87a", 6, NULL, { "image/gif", "GIF", FILE_AS_IMAGE, true, false } },
	{ 0, "GIF89a", 6, NULL, { "image/gif", "GIF", FILE_AS_IMAGE, true, false } },
	{ 8, "WEBP", 4, NULL, { "image/webp", "WebP", FILE_AS_FILE, true, true } },
	{ 4, "ftyp", 4, "heic", { "image/heic", "HEIC", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "heix", { "image/heic", "HEIC", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "hevc", { "image/heic", "HEIC", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "heim", { "image/heic", "HEIC", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "heis", { "image/heic", "HEIC", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "mif1", { "image/heif", "HEIF", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "msf1", { "image/heif", "HEIF", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "avif", { "image/avif", "AVIF", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "avis", { "image/avif", "AVIF", FILE_AS_FILE, false, true } },
	{ 0, "II*\0", 4, NULL, { "image/tiff", "TIFF", FILE_AS_FILE, false, true } },
	{ 0, "MM\0*", 4, NULL, { "image/tiff", "TIFF", FILE_AS_FILE, false, true } },
	{ 4, "ftyp", 4, "qt  ", { "video/quicktime", "QuickTime", FILE_AS_FILE, false, false } },
	{ 4, "ftyp", 4, "3g", { "video/3gpp", "3GP", FILE_AS_FILE, false, false } },
	{ 4, "ftyp", 4, "M4A", { "audio/mp4", "M4A", FILE_AS_AUDIO, true, false } },
	{ 4, "ftyp", 4, "M4B", { "audio/mp4", "M4A", FILE_AS_AUDIO, true, false } },
	{ 4, "ftyp", 4, NULL, { "video/mp4", "MP4", FILE_AS_VIDEO, true, false } },
	{ 0, "ID3", 3, NULL, { "audio/mpeg", "MP3", FILE_AS_AUDIO, true, false } },
	{ 0, "\xff\xfb", 2, NULL, { "audio/mpeg", "MP3", FILE_AS_AUDIO, true, false } },
	{ 0, "\xff\xf3", 2, NULL, { "audio/mpeg", "MP3", FILE_AS_AUDIO, true, false } },
	{ 0, "OggS", 4, NULL, { "audio/ogg", "Ogg", FILE_AS_AUDIO, true, false } },
	{ 8, "WAVE", 4, NULL, { "audio/wav", "WAV", FILE_AS_AUDIO, true, false } },
	{ 0, "#!AMR", 5, NULL, { "audio/amr", "AMR", FILE_AS_AUDIO, false, false } },
	{ 0, "%PDF-", 5, NULL, { "application/pdf", "PDF", FILE_AS_FILE, false, false } },
};

const struct filetype *
filetype_of(const void *head, size_t n)
{
	const char *p = head;
	const struct row *r;

	for (r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++) {
		if (n < r->at + r->n || memcmp(p + r->at, r->magic, r->n) != 0)
			continue;
		if (r->brand != NULL && (n < 12 || memcmp(p + 8, r->brand, strlen(r->brand)) != 0))
			continue;
		return &r->type;
	}
	return &unknown;
}

const char *
filetype_shown(const char *mime)
{
	const struct row *r;

	for (r = rows; mime != NULL && r < rows + sizeof(rows) / sizeof(rows[0]); r++)
		if (r->type.shown && strcmp(r->type.mime, mime) == 0)
			return r->type.mime;
	return NULL;
}

int64_t
filetype_most(const struct filetype *t)
{
	return (t->as == FILE_AS_IMAGE ? INT64_C(8) : INT64_C(25)) << 20;
}

/* Pictures ---------------------------------------------------------------------- */

static int64_t
be(const uint8_t *p, size_t n)
{
	int64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static int64_t
le(const uint8_t *p, size_t n)
{
	int64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Does the Exif block say that the picture lies on its side? */
static bool
exif_turned(const uint8_t *p, size_t n)
{
	int64_t (*num)(const uint8_t *, size_t);
	size_t at, count, i;
	int64_t turn;

	if (n < 14 || memcmp(p, "Exif\0\0", 6) != 0)
		return false;
	p += 6;
	n -= 6;
	num = p[0] == 'M' ? be : le;
	at = (size_t)num(p + 4, 4);
	if (at > n - 2 || at < 8)
		return false;
	count = (size_t)num(p + at, 2);
	for (i = 0, at += 2; i < count && at + 12 <= n; i++, at += 12) {
		if (num(p + at, 2) != 0x0112)
			continue;
		turn = num(p + at + 8, 2);
		return turn >= 5 && turn <= 8;
	}
	return false;
}

static bool
jpeg_size(const uint8_t *p, size_t n, int64_t *width, int64_t *height)
{
	bool turned = false;
	size_t at = 2, len;
	uint8_t kind;

	while (at + 4 <= n && p[at] == 0xff) {
		if ((kind = p[at + 1]) == 0xff) {	/* filling */
			at++;
			continue;
		}
		if ((len = (size_t)be(p + at + 2, 2)) < 2)
			return false;
		if (kind >= 0xc0 && kind <= 0xcf && kind != 0xc4 && kind != 0xc8 && kind != 0xcc) {
			if (at + 9 > n)
				return false;
			*width = be(p + at + (turned ? 5 : 7), 2);
			*height = be(p + at + (turned ? 7 : 5), 2);
			return true;
		}
		if (kind == 0xe1 && at + 2 + len <= n && !turned)
			turned = exif_turned(p + at + 4, len - 2);
		at += 2 + len;
	}
	return false;
}

static bool
webp_size(const uint8_t *p, size_t n, int64_t *width, int64_t *height)
{
	int64_t bits;

	if (n < 30)
		return false;
	if (memcmp(p + 12, "VP8X", 4) == 0) {
		*width = le(p + 24, 3) + 1;
		*height = le(p + 27, 3) + 1;
	} else if (memcmp(p + 12, "VP8L", 4) == 0) {
		bits = le(p + 21, 4);
		*width = (bits & 0x3fff) + 1;
		*height = (bits >> 14 & 0x3fff) + 1;
	} else if (memcmp(p + 12, "VP8 ", 4) == 0) {
		*width = le(p + 26, 2) & 0x3fff;
		*height = le(p + 28, 2) & 0x3fff;
	} else {
		return false;
	}
	return true;
}

bool
picture_size(const void *head, size_t n, int64_t *width, int64_t *height)
{
	const char *mime = filetype_of(head, n)->mime;
	const uint8_t *p = head;
	bool told = false;

	*width = *height = 0;
	if (strcmp(mime, "image/jpeg") == 0) {
		told = jpeg_size(p, n, width, height);
	} else if (strcmp(mime, "image/png") == 0 && n >= 24) {
		*width = be(p + 16, 4);
		*height = be(p + 20, 4);
		told = true;
	} else if (strcmp(mime, "image/gif") == 0 && n >= 10) {
		*width = le(p + 6, 2);
		*height = le(p + 8, 2);
		told = true;
	} else if (strcmp(mime, "image/webp") == 0) {
		told = webp_size(p, n, width, height);
	}
	return told && *width > 0 && *height > 0;
}

const struct filetype *
filetype_of_file(struct arena *a, int fd, int64_t *width, int64_t *height)
{
	char *head = arena_alloc(a, PICTURE_HEAD);
	size_t n = 0;
	ssize_t got = 1;

	while (head != NULL && got > 0 && n < PICTURE_HEAD)
		if ((got = pread(fd, head + n, PICTURE_HEAD - n, (off_t)n)) > 0)
			n += (size_t)got;
	if (head == NULL || got < 0)
		return NULL;
	(void)picture_size(head, n, width, height);
	return filetype_of(head, n);
}

/* Names --------------------------------------------------------------------------- */

/* Marks that turn the reading direction can disguise the end of a name. */
static size_t
bidi_mark(const unsigned char *p)
{
	if (p[0] == 0xd8 && p[1] == 0x9c)
		return 2;			/* U+061C */
	if (p[0] != 0xe2)
		return 0;
	if (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae)))
		return 3;			/* U+200E, 200F, 202A..202E */
	if (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;			/* U+2066..2069 */
	return 0;
}

const char *
file_name_clean(struct arena *a, const char *s, size_t n)
{
	const char *dot, *ext = "";
	char *t, *out;
	size_t i, o = 0, skip, len;

	/* A pathological name is cut before any work is done on it. */
	if (n > 2048)
		n = 2048;
	if ((t = str_line(a, s, n, 2048)) == NULL || (out = arena_dup(a, t)) == NULL)
		return NULL;
	for (i = 0; t[i] != '\0'; i++) {
		if ((skip = bidi_mark((const unsigned char *)t + i)) > 0) {
			i += skip - 1;
			continue;
		}
		if (o == 0 && (t[i] == '.' || t[i] == ' '))
			continue;
		out[o++] = strchr("/\\:*?\"<>|", t[i]) != NULL ? '_' : t[i];
	}
	while (o > 0 && (out[o - 1] == ' ' || out[o - 1] == '.'))
		o--;
	out[o] = '\0';
	if (o == 0)
		return NULL;
	if (str_chars(out) <= NAME_MAX_)
		return out;
	/* Keep a short extension when the stem is cut. */
	if ((dot = strrchr(out, '.')) != NULL && strlen(dot) <= 12)
		ext = dot;
	for (len = 0, i = 0; out[len] != '\0' && i < NAME_MAX_ - strlen(ext); i++) {
		do
			len++;
		while (((unsigned char)out[len] & 0xc0) == 0x80);
	}
	return arena_printf(a, "%.*s%s", (int)len, out, ext);
}

const char *
file_name_ascii(struct arena *a, const char *name)
{
	const char *s, *dot = strrchr(name, '.');
	char *out = arena_alloc(a, strlen(name) + 1), *p = out;
	bool any = false;

	if (out == NULL)
		return NULL;
	for (s = name; *s != '\0'; s++) {
		/* One stand-in for each other character. */
		if (((unsigned char)*s & 0xc0) == 0x80)
			continue;
		if (s == dot && !any)
			p = out;
		*p++ = (unsigned char)*s < 0x80 ? *s : '_';
		any |= (unsigned char)*s < 0x80 && *s != ' ' && *s != '_';
	}
	*p = '\0';
	return *out == '.' || !any ? arena_printf(a, "file%s", *out == '.' ? out : "") : out;
}

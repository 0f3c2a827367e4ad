/* SPDX-License-Identifier: MIT */
/* filetype.c - what files are by their bytes, how large pictures are, what files may be called. */
#include "../tap.h"

#include "../../lib/base/filetype.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena A;

static const struct { const char *head; size_t n; const char *mime; enum file_as as; bool shown, odd; } kinds[] = {
	{ "\xff\xd8\xff\xe0", 4, "image/jpeg", FILE_AS_IMAGE, true, false },
	{ "\x89PNG\r\n\x1a\n", 8, "image/png", FILE_AS_IMAGE, true, false },
	{ "\x89PNG\r\n\x1a", 7, "application/octet-stream", FILE_AS_FILE, false, false },
	{ "GIF89a<script>", 14, "image/gif", FILE_AS_IMAGE, true, false },
	{ "GIF88a", 6, "application/octet-stream", FILE_AS_FILE, false, false },
	{ "RIFF\0\0\0\0WEBP", 12, "image/webp", FILE_AS_FILE, true, true },
	{ "RIFF\0\0\0\0WAVE", 12, "audio/wav", FILE_AS_AUDIO, true, false },
	{ "\0\0\0\x18" "ftypheic", 12, "image/heic", FILE_AS_FILE, false, true },
	{ "\0\0\0\x18" "ftypmif1", 12, "image/heif", FILE_AS_FILE, false, true },
	{ "\0\0\0\x18" "ftypavif", 12, "image/avif", FILE_AS_FILE, false, true },
	{ "\0\0\0\x18" "ftypqt  ", 12, "video/quicktime", FILE_AS_FILE, false, false },
	{ "\0\0\0\x18" "ftypisom", 12, "video/mp4", FILE_AS_VIDEO, true, false },
	{ "\0\0\0\x18" "ftypM4A ", 12, "audio/mp4", FILE_AS_AUDIO, true, false },
	{ "\0\0\0\x18" "ftyp", 8, "video/mp4", FILE_AS_VIDEO, true, false },
	{ "ID3\4", 4, "audio/mpeg", FILE_AS_AUDIO, true, false },
	{ "II*\0", 4, "image/tiff", FILE_AS_FILE, false, true },
	{ "%PDF-1.7", 8, "application/pdf", FILE_AS_FILE, false, false },
	{ "<svg xmlns=", 11, "application/octet-stream", FILE_AS_FILE, false, false },
	{ "<!DOCTYPE html>", 15, "application/octet-stream", FILE_AS_FILE, false, false },
	{ "PK\3\4", 4, "application/octet-stream", FILE_AS_FILE, false, false },
	{ "", 0, "application/octet-stream", FILE_AS_FILE, false, false },
};

static void
test_kinds(void)
{
	const struct filetype *t;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		t = filetype_of(kinds[i].head, kinds[i].n);
		is_str(t->mime, kinds[i].mime, "%zu", i);
		ok(t->as == kinds[i].as && t->shown == kinds[i].shown && t->odd == kinds[i].odd, "%s: how it is shown and sent", t->mime);
		ok(!t->odd || t->name != NULL, "a refusal can name it");
		is_str(filetype_shown(t->mime), t->shown ? t->mime : NULL, "and found by its type");
	}
	ok(filetype_shown(NULL) == NULL && filetype_shown("image/svg+xml") == NULL && filetype_shown("text/html") == NULL &&
	    filetype_shown("IMAGE/PNG") == NULL, "nothing else is shown");
	is_int(filetype_most(filetype_of("GIF89a", 6)), 8 << 20, "pictures: 8 MiB");
	is_int(filetype_most(filetype_of("x", 1)), 25 << 20, "others: 25 MiB");
}

#define JPEG_START "\xff\xd8"
#define JPEG_FRAME "\xff\xc0\0\x11\x08\0\x1e\0\x28\3\1\x22\0\2\x11\1\3\x11\1"	/* 40 by 30 */
#define EXIF(order) "\xff\xe1\0\x22" "Exif\0\0" order

static const struct { const char *what, *head; size_t n; int64_t w, h; } pictures[] = {
	{ "PNG", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\x80\0\0\1\xe0", 24, 640, 480 },
	{ "PNG, cut", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\x80\0\0\1", 23, 0, 0 },
	{ "PNG, vast", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff", 24, 4294967295, 4294967295 },
	{ "PNG, of nothing", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1", 24, 0, 0 },
	{ "GIF", "GIF89a\x2c\1\xc8\0", 10, 300, 200 },
	{ "GIF, cut", "GIF89a\x2c\1\xc8", 9, 0, 0 },
	{ "JPEG", JPEG_START JPEG_FRAME, 21, 40, 30 },
	{ "JPEG, filled", JPEG_START "\xff\xff" JPEG_FRAME, 23, 40, 30 },
	{ "JPEG, behind a comment", JPEG_START "\xff\xfe\0\6abcd" JPEG_FRAME, 29, 40, 30 },
	{ "JPEG, on its side", JPEG_START EXIF("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0") JPEG_FRAME, 2 + 36 + 19, 30, 40 },
	{ "JPEG, on its side, the other order", JPEG_START EXIF("II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x08\0\0\0\0\0\0\0") JPEG_FRAME, 2 + 36 + 19, 30, 40 },
	{ "JPEG, upright", JPEG_START EXIF("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\1\0\0\0\0\0\0") JPEG_FRAME, 2 + 36 + 19, 40, 30 },
	{ "JPEG, its list elsewhere", JPEG_START EXIF("MM\0*\xff\xff\xff\xff\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0") JPEG_FRAME, 2 + 36 + 19, 40, 30 },
	{ "JPEG, cut", JPEG_START "\xff\xc0\0\x11\x08\0\x1e\0", 10, 0, 0 },
	{ "JPEG, a bad length", "\xff\xd8\xff\xe0\0\0", 6, 0, 0 },
	{ "JPEG, no frame", "\xff\xd8\xff\xda\0\2xxxx", 10, 0, 0 },
	{ "WebP, extended", "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\2\0\xdf\1\0", 30, 640, 480 },
	{ "WebP, lossy", "RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\1\x2a\x80\2\xe0\1", 30, 640, 480 },
	{ "WebP, lossless", "RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x77\0\0\0\0\0\0", 30, 640, 480 },
	{ "WebP, cut", "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0", 20, 0, 0 },
	{ "text", "hello", 5, 0, 0 },
};

static void
test_pictures(void)
{
	int64_t w, h;
	size_t i, n;
	char *copy;

	for (i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		is_int(picture_size(pictures[i].head, pictures[i].n, &w, &h), pictures[i].w > 0, "%s: told", pictures[i].what);
		if (pictures[i].w > 0)
			ok(w == pictures[i].w && h == pictures[i].h, "%s: %lld by %lld", pictures[i].what, (long long)w, (long long)h);
		/* However short: nothing beyond it is read. */
		for (n = 0; n <= pictures[i].n; n++) {
			if ((copy = malloc(n + 1)) == NULL)
				abort();
			memcpy(copy, pictures[i].head, n);
			(void)picture_size(copy, n, &w, &h);
			free(copy);
		}
	}
}

static void
test_open_file(void)
{
	char path[] = "/tmp/inbox-filetype-XXXXXX";
	int64_t w = 0, h = 0;
	int fd = mkstemp(path);

	ok(fd >= 0 && write(fd, pictures[0].head, pictures[0].n) == (ssize_t)pictures[0].n, "a file");
	is_str(filetype_of_file(&A, fd, &w, &h)->mime, "image/png", "its type");
	ok(w == 640 && h == 480, "its size");
	(void)close(fd);
	ok(filetype_of_file(&A, fd, &w, &h) == NULL, "one that cannot be read");
	(void)unlink(path);
}

static const char *
cleaned(const char *s)
{
	return file_name_clean(&A, s, strlen(s));
}

static void
test_names(void)
{
	char wide[400];

	is_str(cleaned("offer-54.pdf"), "offer-54.pdf", "a name");
	is_str(cleaned("見積書 (1).pdf"), "見積書 (1).pdf", "another");
	is_str(cleaned("../../etc/passwd"), "_.._etc_passwd", "a path");
	is_str(cleaned("C:\\x\\y.txt"), "C__x_y.txt", "another path");
	is_str(cleaned("a\r\nSet-Cookie: x"), "a Set-Cookie_ x", "a line break");
	is_str(cleaned("photo\xe2\x80\xaegpj.exe"), "photogpj.exe", "one that is to be read backwards");
	is_str(cleaned("x\xe2\x81\xa6y\xd8\x9cz"), "xyz", "other marks of direction");
	is_str(cleaned(".htaccess"), "htaccess", "hidden");
	is_str(cleaned("a.txt. . "), "a.txt", "dots and blanks behind it");
	is_str(cleaned("a<b>\"c|d?*"), "a_b__c_d__", "what no folder takes");
	is_str(cleaned(" ... "), NULL, "nothing left");
	is_str(cleaned(""), NULL, "nothing");
	is_str(cleaned("\xff\xfe.txt"), "\xef\xbf\xbd\xef\xbf\xbd.txt", "no UTF-8");
	memset(wide, 'w', 300);
	memcpy(wide + 300, ".jpeg", 6);
	is_int(strlen(cleaned(wide)), 120, "long");
	is_str(cleaned(wide) + 115, ".jpeg", "with its extension");
	is_str(file_name_ascii(&A, "offer 54.pdf"), "offer 54.pdf", "ASCII stays");
	is_str(file_name_ascii(&A, "見積書.pdf"), "file.pdf", "nothing of it is");
	is_str(file_name_ascii(&A, "見積書"), "file", "nor its end");
	is_str(file_name_ascii(&A, "Angebot für Müller.pdf"), "Angebot f_r M_ller.pdf", "some of it");
	is_str(file_name_ascii(&A, "見積書 54.pdf"), "___ 54.pdf", "a number is something");
}

int
main(void)
{
	arena_init(&A, 4 << 20);
	test_kinds();
	test_pictures();
	test_open_file();
	test_names();
	arena_fini(&A);
	return done_testing();
}

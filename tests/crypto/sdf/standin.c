/*
 * A stand-in for a cryptographic device, for tests only. It speaks the interface of GM/T 0018-2012
 * over the system's libcrypto, keeps its keys in plain memory and guards nothing. It is no device
 * and proves nothing about one; it lets the adapter be run from end to end.
 *
 * One signing and one encryption key at index 1 (password 12345678), one key-encryption key at
 * index 1. Environment: STANDIN_FAULT=random|sign|length makes it misbehave; while the file that
 * STANDIN_GONE names exists it is gone, and a session called meanwhile stays lost.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct { uint32_t bits; unsigned char x[64], y[64]; } PublicKey;
typedef struct { unsigned char r[64], s[64]; } Signature;
typedef struct { unsigned char x[64], y[64], m[32]; uint32_t l; unsigned char c[1]; } Cipher;
typedef struct {
	char issuer[40], name[16], serial[16];
	uint32_t version, standard, asymmetric[2], symmetric, hash, buffer;
} Info;
typedef struct { int sign_right, decrypt_right, lost; EVP_MD_CTX *hash; } Session;
typedef struct { unsigned char key[16]; } Key;

enum {
	OK = 0, BASE = 0x01000000, UNKNOWN = BASE + 0x01, COMMFAIL = BASE + 0x03, OPENDEVICE = BASE + 0x05, PARDENY = BASE + 0x07,
	KEYNOTEXIST = BASE + 0x08, ALGNOTSUPPORT = BASE + 0x09, SKOPERR = BASE + 0x0c,
	SIGNERR = BASE + 0x0d, VERIFYERR = BASE + 0x0e, SYMOPERR = BASE + 0x0f, STEPERR = BASE + 0x10,
	ENCDATAERR = BASE + 0x16, PRKRERR = BASE + 0x18, INARGERR = BASE + 0x1d,
};
enum { SM3 = 1, SM4_ECB = 0x401, SM4_CBC = 0x402, SM2_SIGN = 0x20200, SM2_ENCRYPT = 0x20800 };

static EVP_PKEY *sign_key, *encrypt_key;
static unsigned char kek[16];
static int device_open;

static int fault(const char *name)
{
	const char *set = getenv("STANDIN_FAULT");
	return set != NULL && strcmp(set, name) == 0;
}

static int gone(void)
{
	const char *set = getenv("STANDIN_GONE");
	struct stat found;
	return set != NULL && stat(set, &found) == 0;
}

static int lost(void *session)
{
	if (gone())
		((Session *)session)->lost = 1;
	return ((Session *)session)->lost;
}

static EVP_PKEY *made(const unsigned char *point, size_t point_size, const BIGNUM *scalar)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, point_size);
	if (scalar != NULL)
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar);
	params = OSSL_PARAM_BLD_to_param(build);
	if (EVP_PKEY_fromdata_init(ctx) <= 0
		|| EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *of_point(const PublicKey *in)
{
	unsigned char point[65] = { 4 };
	memcpy(point + 1, in->x + 32, 32);
	memcpy(point + 33, in->y + 32, 32);
	return in->bits == 256 ? made(point, sizeof point, NULL) : NULL;
}

static int export_key(EVP_PKEY *key, uint32_t index, PublicKey *out)
{
	unsigned char point[65];
	size_t size = 0;
	if (index != 1)
		return KEYNOTEXIST;
	if (out == NULL
		|| EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
			&size) <= 0
		|| size != sizeof point)
		return INARGERR;
	memset(out, 0, sizeof *out);
	out->bits = 256;
	memcpy(out->x + 32, point + 1, 32);
	memcpy(out->y + 32, point + 33, 32);
	return OK;
}

int SDF_OpenDevice(void **device)
{
	if (device == NULL || device_open || gone())
		return OPENDEVICE;
	if (sign_key == NULL) {
		sign_key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
		encrypt_key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
		RAND_bytes(kek, sizeof kek);
	}
	device_open = 1;
	*device = &device_open;
	return OK;
}

int SDF_CloseDevice(void *device)
{
	device_open = 0;
	return device == &device_open ? OK : INARGERR;
}

int SDF_OpenSession(void *device, void **session)
{
	if (device != &device_open || !device_open || gone())
		return BASE + 0x06;
	*session = calloc(1, sizeof(Session));
	return OK;
}

int SDF_CloseSession(void *session)
{
	EVP_MD_CTX_free(((Session *)session)->hash);
	free(session);
	return OK;
}

int SDF_GetDeviceInfo(void *session, Info *info)
{
	(void)session;
	memset(info, 0, sizeof *info);
	strcpy(info->issuer, "Fengsui tests");
	strcpy(info->name, "stand-in");
	memcpy(info->serial, "2026112500100001", 16);
	info->version = 1;
	info->standard = 2;
	info->asymmetric[0] = SM2_SIGN | SM2_ENCRYPT;
	info->asymmetric[1] = 256;
	info->symmetric = SM4_ECB | SM4_CBC;
	info->hash = SM3;
	info->buffer = 16 * 1024;
	return OK;
}

int SDF_GenerateRandom(void *session, uint32_t size, unsigned char *out)
{
	(void)session;
	if (fault("random"))
		return OK;
	return RAND_bytes(out, (int)size) == 1 ? OK : BASE + 0x17;
}

int SDF_GetPrivateKeyAccessRight(void *session, uint32_t index, char *password, uint32_t size)
{
	if (lost(session))
		return COMMFAIL;
	if (index != 1)
		return KEYNOTEXIST;
	if (size != 8 || memcmp(password, "12345678", 8) != 0)
		return PRKRERR;
	((Session *)session)->sign_right = ((Session *)session)->decrypt_right = 1;
	return OK;
}

int SDF_ReleasePrivateKeyAccessRight(void *session, uint32_t index)
{
	((Session *)session)->sign_right = ((Session *)session)->decrypt_right = 0;
	return index == 1 ? OK : KEYNOTEXIST;
}

int SDF_ExportSignPublicKey_ECC(void *session, uint32_t index, PublicKey *out)
{
	(void)session;
	return export_key(sign_key, index, out);
}

int SDF_ExportEncPublicKey_ECC(void *session, uint32_t index, PublicKey *out)
{
	(void)session;
	return export_key(encrypt_key, index, out);
}

int SDF_InternalSign_ECC(void *session, uint32_t index, unsigned char *e, uint32_t size, Signature *out)
{
	unsigned char der[80];
	const unsigned char *at = der;
	size_t der_size = sizeof der;
	EVP_PKEY_CTX *ctx;
	ECDSA_SIG *signature = NULL;
	if (lost(session))
		return COMMFAIL;
	if (index != 1)
		return KEYNOTEXIST;
	if (!((Session *)session)->sign_right)
		return PARDENY;
	if (size != 32)
		return INARGERR;
	ctx = EVP_PKEY_CTX_new(sign_key, NULL);
	if (EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, der, &der_size, e, 32) == 1)
		signature = d2i_ECDSA_SIG(NULL, &at, (long)der_size);
	EVP_PKEY_CTX_free(ctx);
	if (signature == NULL)
		return SIGNERR;
	BN_bn2binpad(ECDSA_SIG_get0_r(signature), out->r, 64);
	BN_bn2binpad(ECDSA_SIG_get0_s(signature), out->s, 64);
	ECDSA_SIG_free(signature);
	if (fault("sign"))
		out->s[63] ^= 1;
	return OK;
}

int SDF_ExternalVerify_ECC(void *session, uint32_t algorithm, PublicKey *public, unsigned char *e,
	uint32_t size, Signature *in)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int der_size, good;
	EVP_PKEY *key = of_point(public);
	EVP_PKEY_CTX *ctx;
	(void)session;
	if (algorithm != SM2_SIGN)
		return ALGNOTSUPPORT;
	if (key == NULL || size != 32)
		return INARGERR;
	ECDSA_SIG_set0(signature, BN_bin2bn(in->r, 64, NULL), BN_bin2bn(in->s, 64, NULL));
	der_size = i2d_ECDSA_SIG(signature, &der);
	ctx = EVP_PKEY_CTX_new(key, NULL);
	good = EVP_PKEY_verify_init(ctx) == 1
		&& EVP_PKEY_verify(ctx, der, (size_t)der_size, e, size) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	OPENSSL_free(der);
	ECDSA_SIG_free(signature);
	return good ? OK : VERIFYERR;
}

/* SM2 ciphertexts of libcrypto are SEQUENCE { INTEGER x, INTEGER y, OCTETS C3, OCTETS C2 }. */
static const unsigned char *element(const unsigned char *at, unsigned char tag, size_t *size)
{
	if (*at++ != tag)
		return NULL;
	*size = *at++;
	if (*size == 0x81) {
		*size = *at++;
	} else if (*size == 0x82) {
		*size = (size_t)at[0] << 8 | at[1];
		at += 2;
	}
	return at;
}

static void number(unsigned char *out64, const unsigned char *at, size_t size)
{
	memset(out64, 0, 64);
	while (size > 32) {
		at++;
		size--;
	}
	memcpy(out64 + 64 - size, at, size);
}

static int encrypt_to(EVP_PKEY *key, const unsigned char *text, uint32_t size, Cipher *out)
{
	unsigned char der[2048];
	size_t der_size = sizeof der, part;
	const unsigned char *at;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	int good = EVP_PKEY_encrypt_init(ctx) == 1
		&& EVP_PKEY_encrypt(ctx, der, &der_size, text, size) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good)
		return BASE + 0x0b;
	at = element(der, 0x30, &part);
	at = element(at, 0x02, &part);
	number(out->x, at, part);
	at = element(at + part, 0x02, &part);
	number(out->y, at, part);
	at = element(at + part, 0x04, &part);
	memcpy(out->m, at, 32);
	at = element(at + part, 0x04, &part);
	memcpy(out->c, at, part);
	out->l = (uint32_t)part + (fault("length") ? 1 : 0);
	return OK;
}

static size_t put(unsigned char *out, unsigned char tag, const unsigned char *in, size_t size)
{
	size_t at = 0;
	out[at++] = tag;
	if (size >= 0x100) {
		out[at++] = 0x82;
		out[at++] = (unsigned char)(size >> 8);
	} else if (size >= 0x80) {
		out[at++] = 0x81;
	}
	out[at++] = (unsigned char)size;
	memmove(out + at, in, size);
	return at + size;
}

static size_t put_number(unsigned char *out, const unsigned char *in64)
{
	const unsigned char *at = in64 + 32, *end = in64 + 64;
	unsigned char padded[33] = { 0 };
	while (at < end - 1 && *at == 0)
		at++;
	memcpy(padded + 1, at, (size_t)(end - at));
	return *at & 0x80 ? put(out, 0x02, padded, (size_t)(end - at) + 1)
			  : put(out, 0x02, at, (size_t)(end - at));
}

static int decrypt_with(EVP_PKEY *key, const Cipher *in, unsigned char *text, size_t *size)
{
	unsigned char body[2048], der[2100];
	size_t at = put_number(body, in->x), der_size;
	EVP_PKEY_CTX *ctx;
	int good;
	if (in->l > 1024)
		return INARGERR;
	at += put_number(body + at, in->y);
	at += put(body + at, 0x04, in->m, 32);
	at += put(body + at, 0x04, in->c, in->l);
	der_size = put(der, 0x30, body, at);
	ctx = EVP_PKEY_CTX_new(key, NULL);
	*size = 2048;
	good = EVP_PKEY_decrypt_init(ctx) == 1
		&& EVP_PKEY_decrypt(ctx, text, size, der, der_size) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good ? OK : ENCDATAERR;
}

int SDF_ExternalEncrypt_ECC(void *session, uint32_t algorithm, PublicKey *public,
	unsigned char *text, uint32_t size, Cipher *out)
{
	EVP_PKEY *key = of_point(public);
	int status;
	(void)session;
	if (algorithm != SM2_ENCRYPT)
		return ALGNOTSUPPORT;
	if (key == NULL || size > 1024)
		return INARGERR;
	status = encrypt_to(key, text, size, out);
	EVP_PKEY_free(key);
	return status;
}

int SDF_InternalDecrypt_ECC(void *session, uint32_t index, uint32_t algorithm, Cipher *in,
	unsigned char *text, uint32_t *size)
{
	unsigned char room[2048];
	size_t text_size;
	int status;
	if (lost(session))
		return COMMFAIL;
	if (index != 1)
		return KEYNOTEXIST;
	if (!((Session *)session)->decrypt_right)
		return PARDENY;
	if (algorithm != SM2_ENCRYPT)
		return ALGNOTSUPPORT;
	status = decrypt_with(encrypt_key, in, room, &text_size);
	if (status != OK)
		return status;
	if (text_size > *size)
		return BASE + 0x1c;
	memcpy(text, room, text_size);
	*size = (uint32_t)text_size + (fault("length") ? 1 : 0);
	return OK;
}

static Key *fresh(void)
{
	Key *key = malloc(sizeof *key);
	RAND_bytes(key->key, sizeof key->key);
	return key;
}

int SDF_GenerateKeyWithEPK_ECC(void *session, uint32_t bits, uint32_t algorithm, PublicKey *public,
	Cipher *out, void **handle)
{
	EVP_PKEY *to = of_point(public);
	Key *key;
	int status;
	(void)session;
	if (bits != 128 || algorithm != SM2_ENCRYPT || to == NULL)
		return INARGERR;
	key = fresh();
	status = encrypt_to(to, key->key, 16, out);
	EVP_PKEY_free(to);
	*handle = key;
	return status;
}

int SDF_ImportKeyWithISK_ECC(void *session, uint32_t index, Cipher *in, void **handle)
{
	unsigned char room[2048];
	size_t size;
	Key *key;
	int status;
	if (index != 1)
		return KEYNOTEXIST;
	if (!((Session *)session)->decrypt_right)
		return PARDENY;
	status = decrypt_with(encrypt_key, in, room, &size);
	if (status != OK || size != 16)
		return SKOPERR;
	key = fresh();
	memcpy(key->key, room, 16);
	*handle = key;
	return OK;
}

static int crypt_with(const unsigned char *key, uint32_t algorithm, const unsigned char *iv,
	const unsigned char *in, uint32_t size, unsigned char *out, int encrypt)
{
	const EVP_CIPHER *cipher = algorithm == SM4_ECB ? EVP_sm4_ecb() : EVP_sm4_cbc();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int part = 0, rest = 0, good;
	good = EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt) == 1
		&& EVP_CIPHER_CTX_set_padding(ctx, 0) == 1
		&& EVP_CipherUpdate(ctx, out, &part, in, (int)size) == 1
		&& EVP_CipherFinal_ex(ctx, out + part, &rest) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good ? OK : SYMOPERR;
}

int SDF_GenerateKeyWithKEK(void *session, uint32_t bits, uint32_t algorithm, uint32_t index,
	unsigned char *out, uint32_t *size, void **handle)
{
	Key *key;
	(void)session;
	if (index != 1)
		return KEYNOTEXIST;
	if (bits != 128 || algorithm != SM4_ECB)
		return ALGNOTSUPPORT;
	key = fresh();
	*handle = key;
	*size = 16;
	return crypt_with(kek, SM4_ECB, NULL, key->key, 16, out, 1);
}

int SDF_ImportKeyWithKEK(void *session, uint32_t algorithm, uint32_t index, unsigned char *in,
	uint32_t size, void **handle)
{
	Key *key;
	(void)session;
	if (index != 1)
		return KEYNOTEXIST;
	if (algorithm != SM4_ECB || size != 16)
		return INARGERR;
	key = fresh();
	*handle = key;
	return crypt_with(kek, SM4_ECB, NULL, in, 16, key->key, 0);
}

int SDF_DestroyKey(void *session, void *handle)
{
	(void)session;
	OPENSSL_cleanse(handle, sizeof(Key));
	free(handle);
	return OK;
}

static int crypt(void *handle, uint32_t algorithm, unsigned char *iv, unsigned char *in,
	uint32_t size, unsigned char *out, uint32_t *out_size, int encrypt)
{
	int status;
	if (algorithm != SM4_ECB && algorithm != SM4_CBC)
		return ALGNOTSUPPORT;
	if (algorithm == SM4_CBC && iv == NULL)
		return INARGERR;
	status = crypt_with(((Key *)handle)->key, algorithm, iv, in, size, out, encrypt);
	/* The standard lets the device leave the next IV in the caller's buffer: this one does. */
	if (iv != NULL)
		memcpy(iv, (encrypt ? out : in) + size - 16, 16);
	*out_size = size + (fault("length") ? 16 : 0);
	return status;
}

int SDF_Encrypt(void *session, void *handle, uint32_t algorithm, unsigned char *iv,
	unsigned char *in, uint32_t size, unsigned char *out, uint32_t *out_size)
{
	(void)session;
	return crypt(handle, algorithm, iv, in, size, out, out_size, 1);
}

int SDF_Decrypt(void *session, void *handle, uint32_t algorithm, unsigned char *iv,
	unsigned char *in, uint32_t size, unsigned char *out, uint32_t *out_size)
{
	(void)session;
	return crypt(handle, algorithm, iv, in, size, out, out_size, 0);
}

/* Z = SM3(ENTL, ID, a, b, G, point): GB/T 32918.2-2016, 5.5. */
static const char curve[] =
	"FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
	"28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
	"32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
	"BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0";

int SDF_HashInit(void *session, uint32_t algorithm, PublicKey *public, unsigned char *id,
	uint32_t size)
{
	Session *s = session;
	if (algorithm != SM3)
		return ALGNOTSUPPORT;
	EVP_MD_CTX_free(s->hash);
	s->hash = EVP_MD_CTX_new();
	EVP_DigestInit_ex(s->hash, EVP_sm3(), NULL);
	if (public != NULL) {
		unsigned char head[2] = { (unsigned char)(size >> 5), (unsigned char)(size << 3) }, z[32];
		long curve_size;
		unsigned char *bytes = OPENSSL_hexstr2buf(curve, &curve_size);
		EVP_DigestUpdate(s->hash, head, 2);
		EVP_DigestUpdate(s->hash, id, size);
		EVP_DigestUpdate(s->hash, bytes, (size_t)curve_size);
		EVP_DigestUpdate(s->hash, public->x + 32, 32);
		EVP_DigestUpdate(s->hash, public->y + 32, 32);
		EVP_DigestFinal_ex(s->hash, z, NULL);
		EVP_DigestInit_ex(s->hash, EVP_sm3(), NULL);
		EVP_DigestUpdate(s->hash, z, 32);
		OPENSSL_free(bytes);
	}
	return OK;
}

int SDF_HashUpdate(void *session, unsigned char *data, uint32_t size)
{
	Session *s = session;
	if (s->hash == NULL)
		return STEPERR;
	return EVP_DigestUpdate(s->hash, data, size) == 1 ? OK : UNKNOWN;
}

int SDF_HashFinal(void *session, unsigned char *out, uint32_t *size)
{
	Session *s = session;
	if (s->hash == NULL)
		return STEPERR;
	EVP_DigestFinal_ex(s->hash, out, NULL);
	EVP_MD_CTX_free(s->hash);
	s->hash = NULL;
	*size = 32;
	return OK;
}

/* OpenSSL's C library at its best: one operation in a loop, CPU time of the loop.
 *
 * Reads lines "time WHAT COUNT" and answers "ok SECONDS" (user and system time of this process), or
 * "missing REASON". "hello" answers "ok VERSION-LINE". Every loop checks its answers.
 *
 * Contexts, keys and buffers are made once, before the clock starts. Inside the loops:
 *   sm2_sign      EVP_DigestSignInit (SM2 contexts must be begun anew for each message, as
 *                 `openssl speed` does) and EVP_DigestSign of 32 bytes, Z with the ID included
 *   sm2_verify    EVP_DigestVerifyInit and EVP_DigestVerify, likewise
 *   sm2_keygen, sm2_encrypt, sm2_decrypt   EVP_PKEY_generate, _encrypt, _decrypt of 32 bytes
 *   sm3_N, hmac_N                          Init, Update, Final of N bytes; HMAC keeps its key
 *   sm4_MODE_N    EVP_EncryptInit_ex with a new IV under the kept key, Update, Final; GCM's tag read
 * N is the size in bytes.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ID "1234567812345678"
#define MESSAGE_SIZE 32
#define DATA_SIZE_MAX (1 << 24)

static const char *missing;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static EVP_PKEY *new_key(void)
{
    static EVP_PKEY *key;
    if (key == NULL) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
        must(key != NULL, "key generation");
    }
    return key;
}

/* A digest context bound to a key context that carries the ID, as `openssl speed` makes it. */
static EVP_MD_CTX *signature_context(EVP_PKEY *key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = EVP_PKEY_CTX_new(key, NULL);
    must(context != NULL && key_context != NULL, "context");
    must(EVP_PKEY_CTX_set1_id(key_context, ID, sizeof(ID) - 1) == 1, "ID");
    EVP_MD_CTX_set_pkey_ctx(context, key_context);
    return context;
}

static double sm2_keygen(long count)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    must(context != NULL && EVP_PKEY_keygen_init(context) == 1, "keygen");
    double begun = cpu_seconds();
    for (long i = 0; i < count; i++) {
        EVP_PKEY *key = NULL;
        must(EVP_PKEY_generate(context, &key) == 1, "generate");
        EVP_PKEY_free(key);
    }
    double spent = cpu_seconds() - begun;
    EVP_PKEY_CTX_free(context);
    return spent;
}

static double sm2_sign(long count)
{
    EVP_PKEY *key = new_key();
    EVP_MD_CTX *context = signature_context(key);
    unsigned char message[MESSAGE_SIZE] = {0}, signature[80];
    double begun = cpu_seconds();
    for (long i = 0; i < count; i++) {
        size_t size = sizeof(signature);
        message[0] = (unsigned char)i;
        must(EVP_DigestSignInit(context, NULL, EVP_sm3(), NULL, key) == 1
             && EVP_DigestSign(context, signature, &size, message, sizeof(message)) == 1, "sign");
    }
    return cpu_seconds() - begun;
}

static double sm2_verify(long count)
{
    EVP_PKEY *key = new_key();
    EVP_MD_CTX *context = signature_context(key);
    unsigned char message[MESSAGE_SIZE] = {0}, signature[80];
    size_t size = sizeof(signature);
    must(EVP_DigestSignInit(context, NULL, EVP_sm3(), NULL, key) == 1
         && EVP_DigestSign(context, signature, &size, message, sizeof(message)) == 1, "sign");
    double begun = cpu_seconds();
    for (long i = 0; i < count; i++)
        must(EVP_DigestVerifyInit(context, NULL, EVP_sm3(), NULL, key) == 1
             && EVP_DigestVerify(context, signature, size, message, sizeof(message)) == 1,
             "verify");
    return cpu_seconds() - begun;
}

static double sm2_crypt(long count, int decrypt)
{
    EVP_PKEY *key = new_key();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    unsigned char message[MESSAGE_SIZE] = {0}, sealed[256], opened[256];
    size_t size = sizeof(sealed);
    must(context != NULL && EVP_PKEY_encrypt_init(context) == 1
         && EVP_PKEY_encrypt(context, sealed, &size, message, sizeof(message)) == 1, "encrypt");
    if (decrypt)
        must(EVP_PKEY_decrypt_init(context) == 1, "decrypt_init");
    double begun = cpu_seconds();
    for (long i = 0; i < count; i++) {
        size_t out = sizeof(opened);
        if (decrypt)
            must(EVP_PKEY_decrypt(context, opened, &out, sealed, size) == 1, "decrypt");
        else
            must(EVP_PKEY_encrypt(context, opened, &out, message, sizeof(message)) == 1, "encrypt");
    }
    double spent = cpu_seconds() - begun;
    EVP_PKEY_CTX_free(context);
    return spent;
}

static double sm3(long count, size_t size, const unsigned char *data)
{
    EVP_MD *md = EVP_MD_fetch(NULL, "SM3", NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[32];
    must(md != NULL && context != NULL && EVP_DigestInit_ex2(context, md, NULL) == 1, "SM3");
    double begun = cpu_seconds();
    for (long i = 0; i < count; i++)
        must(EVP_DigestInit_ex2(context, NULL, NULL) == 1
             && EVP_DigestUpdate(context, data, size) == 1
             && EVP_DigestFinal_ex(context, digest, NULL) == 1, "digest");
    return cpu_seconds() - begun;
}

static double hmac(long count, size_t size, const unsigned char *data)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    unsigned char key[32] = {1}, tag[32];
    size_t tag_size;
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, "SM3", 0), OSSL_PARAM_END};
    must(context != NULL && EVP_MAC_init(context, key, sizeof(key), params) == 1, "HMAC");
    double begun = cpu_seconds();
    for (long i = 0; i < count; i++)
        must(EVP_MAC_init(context, NULL, 0, NULL) == 1 && EVP_MAC_update(context, data, size) == 1
             && EVP_MAC_final(context, tag, &tag_size, sizeof(tag)) == 1, "mac");
    return cpu_seconds() - begun;
}

static double sm4(const char *mode, long count, size_t size, const unsigned char *data)
{
    char name[16];
    unsigned char key[16] = {1}, iv[16] = {2}, tag[16];
    static unsigned char *out;
    int gcm = strcmp(mode, "gcm") == 0, part;
    snprintf(name, sizeof(name), "SM4-%s", mode);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    if (cipher == NULL) {
        missing = "this OpenSSL has no such SM4 mode";
        return 0;
    }
    if (out == NULL)
        out = malloc(DATA_SIZE_MAX + 32);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    must(out != NULL && context != NULL
         && EVP_EncryptInit_ex2(context, cipher, key, iv, NULL) == 1
         && EVP_CIPHER_CTX_set_padding(context, 0) == 1, "SM4");
    double begun = cpu_seconds();
    for (long i = 0; i < count; i++) {
        iv[0] = (unsigned char)i;
        must(EVP_EncryptInit_ex2(context, NULL, NULL, iv, NULL) == 1
             && EVP_EncryptUpdate(context, out, &part, data, (int)size) == 1
             && EVP_EncryptFinal_ex(context, out + part, &part) == 1, "cipher");
        if (gcm)
            must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1, "tag");
    }
    double spent = cpu_seconds() - begun;
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    return spent;
}

static double timed(const char *what, long count)
{
    static unsigned char *data;
    char name[32];
    long size = 0;
    if (data == NULL)
        must((data = calloc(1, DATA_SIZE_MAX)) != NULL && RAND_bytes(data, 1 << 20) == 1, "data");
    if (strcmp(what, "sm2_keygen") == 0)
        return sm2_keygen(count);
    if (strcmp(what, "sm2_sign") == 0)
        return sm2_sign(count);
    if (strcmp(what, "sm2_verify") == 0)
        return sm2_verify(count);
    if (strcmp(what, "sm2_encrypt") == 0)
        return sm2_crypt(count, 0);
    if (strcmp(what, "sm2_decrypt") == 0)
        return sm2_crypt(count, 1);
    if (sscanf(what, "sm3_%ld", &size) == 1 && size <= DATA_SIZE_MAX)
        return sm3(count, (size_t)size, data);
    if (sscanf(what, "hmac_%ld", &size) == 1 && size <= DATA_SIZE_MAX)
        return hmac(count, (size_t)size, data);
    if (sscanf(what, "sm4_%31[a-z]_%ld", name, &size) == 2 && size <= DATA_SIZE_MAX
        && strlen(name) < 8)
        return sm4(name, count, (size_t)size, data);
    missing = "no such operation";
    return 0;
}

int main(void)
{
    char line[256], what[64];
    long count;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        missing = NULL;
        if (strncmp(line, "hello", 5) == 0) {
            printf("ok %s\n", OpenSSL_version(OPENSSL_VERSION));
        } else if (sscanf(line, "time %63s %ld", what, &count) == 2) {
            double seconds = timed(what, count);
            if (missing != NULL)
                printf("missing %s\n", missing);
            else
                printf("ok %.6f\n", seconds);
        } else {
            printf("missing no such verb\n");
        }
        fflush(stdout);
    }
    return 0;
}

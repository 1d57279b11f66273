/* See attempts.h. */
#include "attempts.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 512 };

typedef struct place {
    uint64_t key, since_ms; /* the first failure that counts; 0: free */
    unsigned failures;
} place;

struct adm__attempts {
    pthread_mutex_t lock;
    place places[PLACES];
};

adm__attempts *adm__attempts_new(void)
{
    adm__attempts *a = calloc(1, sizeof *a);
    if (a != NULL && pthread_mutex_init(&a->lock, NULL) == 0) return a;
    free(a);
    return NULL;
}

void adm__attempts_free(adm__attempts *a)
{
    if (a == NULL) return;
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static uint64_t key_of(const char *user, const char *address)
{
    return b_hash(address, strlen(address), b_hash(user, strlen(user), 0));
}

/* The place of that key, or the one that can best be spared. */
static place *find(adm__attempts *a, uint64_t key, uint64_t now_ms)
{
    place *spare = &a->places[0];
    for (size_t i = 0; i < PLACES; i++) {
        place *p = &a->places[i];
        if (p->failures > 0 && now_ms - p->since_ms >= ADM__ATTEMPTS_MS) *p = (place){.failures = 0};
        if (p->failures > 0 && p->key == key) return p;
        if (p->failures < spare->failures) spare = p;
    }
    *spare = (place){.key = key, .since_ms = now_ms};
    return spare;
}

static unsigned wait_for(adm__attempts *a, uint64_t key, unsigned most, uint64_t now_ms)
{
    for (size_t i = 0; i < PLACES; i++) {
        const place *p = &a->places[i];
        uint64_t age = now_ms - p->since_ms;
        if (p->key == key && p->failures >= most && age < ADM__ATTEMPTS_MS)
            return (unsigned)((ADM__ATTEMPTS_MS - age + 999) / 1000);
    }
    return 0;
}

unsigned adm__attempts_wait(adm__attempts *a, const char *user, const char *address, uint64_t now_ms)
{
    pthread_mutex_lock(&a->lock);
    unsigned one = wait_for(a, key_of(user, address), ADM__ATTEMPTS_USER, now_ms);
    unsigned all = wait_for(a, key_of("", address), ADM__ATTEMPTS_ADDRESS, now_ms);
    pthread_mutex_unlock(&a->lock);
    return one > all ? one : all;
}

void adm__attempts_failed(adm__attempts *a, const char *user, const char *address, uint64_t now_ms)
{
    pthread_mutex_lock(&a->lock);
    if (user[0] != '\0') find(a, key_of(user, address), now_ms)->failures++;
    find(a, key_of("", address), now_ms)->failures++;
    pthread_mutex_unlock(&a->lock);
}

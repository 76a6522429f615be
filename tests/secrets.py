"""Secrets of every form that is looked for: all of them made up. (Put together here, so that no scanner of repositories is
worried.)"""

LETTERS = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1BcD4fGh7jKl0n"
PEM = "-----BEGIN {0}PRIVATE KEY-----\n{1}\n{2}\n-----END {0}PRIVATE KEY-----"

# (the pattern's name, the secret as it stands in a text, what is left of it: {} is the mark)
SECRETS = [
    ("api-key", "sk-ant-" + "api03-" + LETTERS, "{}"),
    ("api-key", "sk-" + "proj-" + LETTERS, "{}"),
    ("api-key", "sk-" + LETTERS, "{}"),
    ("api-key", "AKIA" + "IOSFODNN7EXAMPLE", "{}"),
    ("api-key", "AIza" + LETTERS[:35], "{}"),
    ("api-key", "ghp_" + LETTERS[:36], "{}"),
    ("api-key", "github_pat_" + LETTERS[:22] + "_" + LETTERS, "{}"),
    ("api-key", "glpat-" + LETTERS[:20], "{}"),
    ("api-key", "xoxb-" + "123456789012-" + LETTERS[:24], "{}"),
    ("api-key", "sk_" + "live_" + LETTERS[:24], "{}"),
    ("api-key", "whsec_" + LETTERS, "{}"),
    ("api-key", "gsk_" + LETTERS, "{}"),
    ("api-key", "xai-" + LETTERS, "{}"),
    ("api-key", "hf_" + LETTERS[:34], "{}"),
    ("api-key", "npm_" + LETTERS[:36], "{}"),
    ("api-key", "pypi-" + LETTERS, "{}"),
    ("api-key", "SG." + LETTERS[:22] + "." + LETTERS, "{}"),
    ("api-key", "wm_" + "0c4f31d2_" + LETTERS, "{}"),
    ("jwt", "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJ" + "zdWIiOiJyb3NhIn0." + LETTERS, "{}"),
    ("private-key", PEM.format("RSA ", LETTERS, LETTERS), "{}"),
    ("private-key", PEM.format("", "Proc-Type: 4,ENCRYPTED", LETTERS), "{}"),
    ("private-key", "-----BEGIN " + "PRIVATE KEY-----" + "MIIEvQIBADANBgkqhkiG9w0BAQ", "{}"),
    ("authorization", "Bearer " + LETTERS + "==", "Bearer {}"),
    ("authorization", "authorization: Bearer " + LETTERS, "authorization: Bearer {}"),
    ("authorization", "Authorization: Basic " + "cm9zYTpodW50ZXIy", "Authorization: Basic {}"),
    ("url-password", "postgres://rosa:hunter2@db.example/shop", "postgres://rosa:{}@db.example/shop"),
    ("url-password", "redis://:hunter2@db.example", "redis://:{}@db.example"),
    ("card", "4111111111111111", "{}"),
    ("card", "4111 1111 1111 1111", "{}"),
    ("card", "5555-5555-5555-4444", "{}"),
    ("card", "3782 822463 10005", "{}"),
    ("iban", "DE89 3704 0044 0532 0130 00", "{}"),
    ("iban", "GB82WEST12345698765432", "{}"),
]

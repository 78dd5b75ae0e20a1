package cairn.server.account;

import cairn.image.AccountId;
import cairn.server.storage.Catalog;
import cairn.server.storage.DomainId;
import cairn.server.storage.JsonRecords;
import cairn.sigv4.Credentials;
import java.time.Instant;

/** Accounts and keys as the catalog keeps them: JSON objects, described in docs/formats.md. */
final class AccountRecords {
    private record AccountRecord(String id, String name, int domain, String createdAt) {}

    private record KeyRecord(String id, String secret, String account, boolean active, String createdAt) {}

    private AccountRecords() {}

    static byte[] encode(Account account) {
        return JsonRecords.encode(new AccountRecord(
                account.id().value(), account.name(), account.domain().number(), account.createdAt().toString()));
    }

    static byte[] encode(AccessKey key) {
        return JsonRecords.encode(new KeyRecord(
                key.id(),
                key.credentials().secretAccessKey(),
                key.account().value(),
                key.isActive(),
                key.createdAt().toString()));
    }

    static Account account(Catalog.Entry entry) {
        AccountRecord read = JsonRecords.decode(entry, AccountRecord.class);
        return new Account(
                new AccountId(read.id), read.name, new DomainId(read.domain), Instant.parse(read.createdAt));
    }

    static AccessKey key(Catalog.Entry entry) {
        KeyRecord read = JsonRecords.decode(entry, KeyRecord.class);
        return new AccessKey(
                new Credentials(read.id, read.secret),
                new AccountId(read.account),
                read.active,
                Instant.parse(read.createdAt));
    }
}

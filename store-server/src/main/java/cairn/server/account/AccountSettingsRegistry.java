package cairn.server.account;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.JsonRecords;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The settings of accounts: one record for each account and region, {@code account-settings/ACCOUNT/REGION}, where
 * something was chosen. Safe for threads.
 */
public final class AccountSettingsRegistry {
    private static final String PREFIX = "account-settings/";
    private static final int TRIES_MAX = 16;

    private final Catalog catalog;

    public AccountSettingsRegistry(Catalog catalog) {
        this.catalog = catalog;
    }

    /** The caller's own, in the region where it asks. */
    public AccountSettings read(Caller caller) {
        return read(caller.account(), caller.region());
    }

    public AccountSettings read(AccountId account, Region region) {
        return decoded(catalog.find(key(account, region)));
    }

    /**
     * Changes the caller's own, in the region where it asks.
     *
     * @param change may be called more than once
     * @return as they are then
     */
    public AccountSettings change(Caller caller, UnaryOperator<AccountSettings> change) {
        String key = key(caller.account(), caller.region());
        for (int tries = 1; ; tries++) {
            Optional<Catalog.Entry> before = catalog.find(key);
            AccountSettings after = change.apply(decoded(before));
            byte[] value = JsonRecords.encode(after);
            try {
                catalog.commit(List.of(before.isPresent()
                        ? new Change.PutIfVersion(key, before.get().version(), value)
                        : new Change.PutIfAbsent(key, value)));
                return after;
            } catch (StoreException e) {
                if (e.fault() != CONFLICT || tries == TRIES_MAX) {
                    throw e;
                }
            }
        }
    }

    private static AccountSettings decoded(Optional<Catalog.Entry> entry) {
        return entry.map(each -> JsonRecords.decode(each, AccountSettings.class)).orElse(AccountSettings.NEW);
    }

    private static String key(AccountId account, Region region) {
        return PREFIX + account + '/' + region;
    }
}

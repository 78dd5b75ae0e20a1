package cairn.server.account;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;

import cairn.StoreException;
import cairn.Text;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.DomainId;
import cairn.sigv4.Credentials;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The accounts and their keys: kept in the catalog, and all of them in memory too, since every request asks. Safe for
 * threads.
 */
public final class Accounts {
    public static final int KEYS_PER_ACCOUNT_MAX = 20;

    private static final String ACCOUNT_PREFIX = "account/";
    private static final String KEY_PREFIX = "key/";
    private static final int LIST_ENTRIES = 1000;
    private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N} ._@-]{1,64}");
    private static final String KEY_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    private final Catalog catalog;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    private final Map<AccountId, Account> accounts = new ConcurrentHashMap<>();
    private final Map<String, Held> keys = new ConcurrentHashMap<>();

    private record Held(AccessKey key, long version) {}

    /** Reads what the catalog holds. */
    public Accounts(Catalog catalog, Clock clock) {
        this.catalog = catalog;
        this.clock = clock;
        entries(ACCOUNT_PREFIX).forEach(entry -> {
            Account account = AccountRecords.account(entry);
            accounts.put(account.id(), account);
        });
        entries(KEY_PREFIX).forEach(entry -> {
            AccessKey key = AccountRecords.key(entry);
            keys.put(key.id(), new Held(key, entry.version()));
        });
    }

    private List<Catalog.Entry> entries(String prefix) {
        List<Catalog.Entry> all = new ArrayList<>();
        List<Catalog.Entry> some;
        do {
            some = catalog.list(prefix, all.isEmpty() ? "" : all.get(all.size() - 1).key(), LIST_ENTRIES);
            all.addAll(some);
        } while (!some.isEmpty());
        return all;
    }

    /**
     * Makes the root account and its key, in a store that has none.
     *
     * @param keeper gets the key to write it down, before the account is kept: so that there is never an account whose
     *     key nobody has. Where that was a try that failed, it gets another key at the next start
     * @return the key that was made, if one was
     */
    public synchronized Optional<AccessKey> createRoot(Consumer<AccessKey> keeper) {
        if (!accounts.isEmpty()) {
            return Optional.empty();
        }
        Account root = new Account(newAccountId(), "root", new DomainId(1), now());
        AccessKey key = newKey(root.id());
        keeper.accept(key);
        catalog.commit(List.of(
                new Change.PutIfAbsent(ACCOUNT_PREFIX + root.id(), AccountRecords.encode(root)),
                new Change.PutIfAbsent(KEY_PREFIX + key.id(), AccountRecords.encode(key))));
        accounts.put(root.id(), root);
        keys.put(key.id(), new Held(key, 1));
        return Optional.of(key);
    }

    /** The secret of an active key, for checking a signature. */
    public Optional<Credentials> findCredentials(String accessKeyId) {
        return Optional.ofNullable(keys.get(accessKeyId))
                .map(Held::key)
                .filter(AccessKey::isActive)
                .map(AccessKey::credentials);
    }

    /** Who signs with a key, in a region. @throws StoreException FORBIDDEN if the key has gone meanwhile */
    public Caller caller(String accessKeyId, Region region) {
        Held held = keys.get(accessKeyId);
        if (held == null || !held.key.isActive()) {
            throw new StoreException(FORBIDDEN, "access key " + accessKeyId + " is not active");
        }
        return caller(accounts.get(held.key.account()), Optional.of(region));
    }

    /** Whoever owns the store: what comes over a socket that only they can open is theirs, whatever its region. */
    public Caller root() {
        return accounts.values().stream()
                .filter(Accounts::isRoot)
                .findFirst()
                .map(account -> caller(account, Optional.empty()))
                .orElseThrow(() -> new StoreException(NOT_FOUND, "the store has no root account"));
    }

    /** An account wherever what it asks for lies, as over NBD. @throws StoreException NOT_FOUND */
    public Caller anywhere(AccountId id) {
        return caller(read(id), Optional.empty());
    }

    /** The dedup domain of an account. @throws StoreException NOT_FOUND */
    public DomainId domain(AccountId id) {
        return read(id).domain();
    }

    /** @throws StoreException NOT_FOUND if there is no such account */
    public void requireAccount(AccountId id) {
        read(id);
    }

    /** @throws StoreException NOT_FOUND */
    private Account read(AccountId id) {
        Account account = accounts.get(id);
        if (account == null) {
            throw new StoreException(NOT_FOUND, "there is no account " + id);
        }
        return account;
    }

    private static Caller caller(Account account, Optional<Region> region) {
        return new Caller(account.id(), account.domain(), isRoot(account), region);
    }

    private static boolean isRoot(Account account) {
        return account.domain().number() == 1;
    }

    /** All accounts for root, else the caller's own; in the order in which they were made. */
    public List<Account> list(Caller caller) {
        return accounts.values().stream()
                .filter(account -> caller.isRoot() || account.id().equals(caller.account()))
                .sorted(Comparator.comparing(account -> account.domain().number()))
                .toList();
    }

    /**
     * @throws StoreException FORBIDDEN for all but root, INVALID_REQUEST for an odd name, CONFLICT for one that is
     *     taken
     */
    public synchronized Account create(Caller caller, String name) {
        if (!caller.isRoot()) {
            throw new StoreException(FORBIDDEN, "only the root account creates accounts");
        }
        if (name == null || !NAME.matcher(name).matches()) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "an account's name has 1 to 64 letters, digits, spaces and ._@-, not \"" + Text.shown("" + name) + '"');
        }
        if (accounts.values().stream().anyMatch(account -> account.name().equals(name))) {
            throw new StoreException(CONFLICT, "there is an account named " + name + " already");
        }
        int domain = 1 + accounts.values().stream().mapToInt(each -> each.domain().number()).max().orElse(0);
        Account account = new Account(newAccountId(), name, new DomainId(domain), now());
        catalog.commit(List.of(
                new Change.PutIfAbsent(ACCOUNT_PREFIX + account.id(), AccountRecords.encode(account))));
        accounts.put(account.id(), account);
        return account;
    }

    /** All keys for root, else the caller's own. */
    public List<AccessKey> listKeys(Caller caller) {
        return keys.values().stream()
                .map(Held::key)
                .filter(key -> mayManage(caller, key.account()))
                .sorted(Comparator.comparing(AccessKey::createdAt).thenComparing(AccessKey::id))
                .toList();
    }

    /**
     * @throws StoreException NOT_FOUND for an account that is not there, or not the caller's; INVALID_REQUEST beyond
     *     the limit
     */
    public synchronized AccessKey createKey(Caller caller, AccountId account) {
        if (!mayManage(caller, account) || !accounts.containsKey(account)) {
            throw new StoreException(NOT_FOUND, "there is no account " + account);
        }
        long held = keys.values().stream().filter(each -> each.key.account().equals(account)).count();
        if (held >= KEYS_PER_ACCOUNT_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, "account " + account + " has " + held + " keys, no more than that are kept");
        }
        AccessKey key = newKey(account);
        catalog.commit(List.of(new Change.PutIfAbsent(KEY_PREFIX + key.id(), AccountRecords.encode(key))));
        keys.put(key.id(), new Held(key, 1));
        return key;
    }

    /** @throws StoreException NOT_FOUND; CONFLICT where it would lock the root account out */
    public synchronized AccessKey setActive(Caller caller, String keyId, boolean isActive) {
        Held held = managed(caller, keyId);
        if (!isActive) {
            requireAnotherKey(held.key);
        }
        AccessKey changed =
                new AccessKey(held.key.credentials(), held.key.account(), isActive, held.key.createdAt());
        catalog.commit(List.of(
                new Change.PutIfVersion(KEY_PREFIX + keyId, held.version, AccountRecords.encode(changed))));
        keys.put(keyId, new Held(changed, held.version + 1));
        return changed;
    }

    /** @throws StoreException NOT_FOUND; CONFLICT where it would lock the root account out */
    public synchronized void deleteKey(Caller caller, String keyId) {
        Held held = managed(caller, keyId);
        requireAnotherKey(held.key);
        catalog.commit(List.of(new Change.Delete(KEY_PREFIX + keyId, held.version)));
        keys.remove(keyId);
    }

    private Held managed(Caller caller, String keyId) {
        Held held = keys.get(keyId);
        if (held == null || !mayManage(caller, held.key.account())) {
            throw new StoreException(NOT_FOUND, "there is no access key " + Text.shown(keyId));
        }
        return held;
    }

    private void requireAnotherKey(AccessKey key) {
        boolean isLast = keys.values().stream()
                .map(Held::key)
                .noneMatch(each -> each.isActive() && each.account().equals(key.account()) && !each.id().equals(key.id()));
        if (isLast && isRoot(accounts.get(key.account()))) {
            throw new StoreException(
                    CONFLICT,
                    "access key " + key.id() + " is the root account's last active one; create another first");
        }
    }

    private static boolean mayManage(Caller caller, AccountId account) {
        return caller.isRoot() || caller.account().equals(account);
    }

    private AccountId newAccountId() {
        AccountId id;
        do {
            id = new AccountId(String.format("%012d", random.nextLong(100_000_000_000L, 1_000_000_000_000L)));
        } while (accounts.containsKey(id));
        return id;
    }

    /** 80 random bits name it, 240 prove it. */
    private AccessKey newKey(AccountId account) {
        StringBuilder id = new StringBuilder("AKIA");
        random.ints(16, 0, KEY_ID_LETTERS.length()).forEach(i -> id.append(KEY_ID_LETTERS.charAt(i)));
        byte[] secret = new byte[30];
        random.nextBytes(secret);
        return new AccessKey(
                new Credentials(id.toString(), Base64.getEncoder().encodeToString(secret)), account, true, now());
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }
}

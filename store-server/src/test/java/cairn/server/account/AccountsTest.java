package cairn.server.account;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.storage.MemoryStorage;
import cairn.StoreException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.Test;

class AccountsTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-23T10:00:00Z"), ZoneOffset.UTC);

    private final MemoryStorage storage = new MemoryStorage();
    private final Accounts accounts = new Accounts(storage.catalog(), CLOCK);

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void makesARootAccountOnce() {
        AccessKey key = accounts.createRoot(made -> {}).orElseThrow();

        assertTrue(accounts.caller(key.id(), Region.LOCAL).isRoot());
        assertEquals(Optional.of(key.credentials()), accounts.findCredentials(key.id()));
        assertEquals(Optional.empty(), accounts.createRoot(made -> {}));
        assertTrue(accounts.root().isRoot());
    }

    @Test
    void keepsNoAccountWhoseKeyNobodyHas() {
        assertThrows(IllegalStateException.class, () -> accounts.createRoot(key -> {
            throw new IllegalStateException("no place for the key");
        }));

        Accounts again = new Accounts(storage.catalog(), CLOCK);

        List<AccessKey> kept = new ArrayList<>();
        AccessKey made = again.createRoot(kept::add).orElseThrow();
        assertEquals(List.of(made), kept);
    }

    @Test
    void rememberEverythingOverARestart() {
        AccessKey rootKey = accounts.createRoot(made -> {}).orElseThrow();
        Account account = accounts.create(accounts.root(), "ci fleet");
        AccessKey key = accounts.createKey(accounts.root(), account.id());
        AccessKey disabled = accounts.createKey(accounts.root(), account.id());
        accounts.setActive(accounts.root(), disabled.id(), false);
        AccessKey deleted = accounts.createKey(accounts.root(), account.id());
        accounts.deleteKey(accounts.root(), deleted.id());

        Accounts again = new Accounts(storage.catalog(), CLOCK);

        assertEquals(accounts.list(accounts.root()), again.list(again.root()));
        assertEquals(accounts.listKeys(accounts.root()), again.listKeys(again.root()));
        assertEquals(Optional.of(key.credentials()), again.findCredentials(key.id()));
        assertEquals(Optional.empty(), again.findCredentials(disabled.id()));
        assertEquals(Optional.empty(), again.findCredentials(deleted.id()));
        assertEquals(account.id(), again.caller(key.id(), Region.LOCAL).account());
        assertNotEquals(again.caller(key.id(), Region.LOCAL).domain(), again.caller(rootKey.id(), Region.LOCAL).domain());
    }

    @Test
    void anAccountManagesItselfAndNobodyElse() {
        accounts.createRoot(made -> {});
        Account account = accounts.create(accounts.root(), "lab");
        AccessKey key = accounts.createKey(accounts.root(), account.id());
        Caller lab = accounts.caller(key.id(), Region.LOCAL);
        String rootKey = accounts.listKeys(accounts.root()).stream()
                .filter(each -> !each.account().equals(account.id()))
                .findFirst()
                .orElseThrow()
                .id();

        assertEquals(List.of(account), accounts.list(lab));
        assertEquals(List.of(key), accounts.listKeys(lab));
        assertFault(Fault.FORBIDDEN, () -> accounts.create(lab, "another"));
        assertFault(Fault.NOT_FOUND, () -> accounts.createKey(lab, accounts.root().account()));
        assertFault(Fault.NOT_FOUND, () -> accounts.deleteKey(lab, rootKey));
        assertFault(Fault.NOT_FOUND, () -> accounts.setActive(lab, rootKey, false));
        assertEquals(account.id(), accounts.createKey(lab, account.id()).account());
    }

    @Test
    void neverLocksTheRootAccountOut() {
        String only = accounts.createRoot(made -> {}).orElseThrow().id();

        assertFault(Fault.CONFLICT, () -> accounts.deleteKey(accounts.root(), only));
        assertFault(Fault.CONFLICT, () -> accounts.setActive(accounts.root(), only, false));

        AccessKey second = accounts.createKey(accounts.root(), accounts.root().account());
        accounts.deleteKey(accounts.root(), only);
        assertFault(Fault.CONFLICT, () -> accounts.deleteKey(accounts.root(), second.id()));
    }

    @Test
    void refusesOddNamesAndUnknownAccounts() {
        accounts.createRoot(made -> {});
        accounts.create(accounts.root(), "lab");

        for (String name : new String[] {null, "", "a/b", "x".repeat(65), "a\nb"}) {
            assertFault(Fault.INVALID_REQUEST, () -> accounts.create(accounts.root(), name));
        }
        assertFault(Fault.CONFLICT, () -> accounts.create(accounts.root(), "lab"));
        assertFault(Fault.NOT_FOUND, () -> accounts.createKey(accounts.root(), new AccountId("000000000000")));
        assertFault(Fault.FORBIDDEN, () -> accounts.caller("AKIAUNKNOWN", Region.LOCAL));
    }

    @Test
    void boundsTheKeysOfAnAccount() {
        accounts.createRoot(made -> {});
        AccountId root = accounts.root().account();
        for (int i = 1; i < Accounts.KEYS_PER_ACCOUNT_MAX; i++) {
            accounts.createKey(accounts.root(), root);
        }

        assertFault(Fault.INVALID_REQUEST, () -> accounts.createKey(accounts.root(), root));
    }

    @Test
    void ticketsOpenOneExportUntilTheyEnd() {
        Tickets tickets = new Tickets(new byte[32], CLOCK);
        AccountId account = new AccountId("000000000042");
        String ticket = tickets.issue(account, "ami-1", CLOCK.instant().plusSeconds(60));

        assertEquals(account, tickets.require("ami-1", ticket));
        assertEquals(44, ticket.length());
        assertFault(Fault.UNAUTHENTICATED, () -> tickets.require("ami-2", ticket));
        assertFault(Fault.UNAUTHENTICATED, () -> new Tickets(new byte[] {1}, CLOCK).require("ami-1", ticket));
        Tickets later = new Tickets(new byte[32], Clock.offset(CLOCK, Duration.ofSeconds(61)));
        assertFault(Fault.UNAUTHENTICATED, () -> later.require("ami-1", ticket));
        for (int i = 0; i < ticket.length(); i++) {
            char other = ticket.charAt(i) == 'A' ? 'B' : 'A';
            String forged = ticket.substring(0, i) + other + ticket.substring(i + 1);
            assertFault(Fault.UNAUTHENTICATED, () -> tickets.require("ami-1", forged));
        }
        for (String garbage : new String[] {"", "*", ticket + "A", ticket.substring(4)}) {
            assertFault(Fault.UNAUTHENTICATED, () -> tickets.require("ami-1", garbage));
        }
    }

    private static void assertFault(Fault fault, Executable call) {
        assertEquals(fault, assertThrows(StoreException.class, call).fault());
    }
}

package cairn.server;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.StoreKey;
import cairn.server.account.Tickets;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.JsonRecords;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;

/**
 * What only this store knows: made when it is first opened, and kept in its catalog.
 *
 * @param signingKey of images
 * @param ticketKey of NBD tickets
 */
record StoreSecrets(byte[] signingKey, byte[] ticketKey) {
    private static final String KEY = "store/secrets";

    static StoreSecrets readOrCreate(Catalog catalog) {
        Optional<Catalog.Entry> kept = catalog.find(KEY);
        if (kept.isPresent()) {
            StoreSecrets secrets = JsonRecords.decode(kept.get(), StoreSecrets.class);
            if (secrets.signingKey.length != StoreKey.SECRET_BYTES || secrets.ticketKey.length != Tickets.SECRET_BYTES) {
                throw new StoreException(Fault.CORRUPT, "record " + KEY + " holds keys of odd lengths");
            }
            return secrets;
        }
        SecureRandom random = new SecureRandom();
        byte[] ticketKey = new byte[Tickets.SECRET_BYTES];
        random.nextBytes(ticketKey);
        StoreSecrets secrets = new StoreSecrets(StoreKey.generate(random).secret(), ticketKey);
        catalog.commit(List.of(new Change.PutIfAbsent(KEY, JsonRecords.encode(secrets))));
        return secrets;
    }
}

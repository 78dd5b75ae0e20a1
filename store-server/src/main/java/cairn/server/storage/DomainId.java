package cairn.server.storage;

/**
 * A dedup domain: whoever is in it may be told that an item is already stored.
 *
 * @param number 0 is the public domain; every account has one of its own
 */
public record DomainId(int number) {
    public static final DomainId PUBLIC = new DomainId(0);
}

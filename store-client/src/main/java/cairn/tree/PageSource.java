package cairn.tree;

/** Where pages come from. */
@FunctionalInterface
public interface PageSource {
    /**
     * Reads a page that is present.
     *
     * @throws cairn.StoreException CORRUPT or NOT_FOUND
     */
    Page read(PageId id);
}

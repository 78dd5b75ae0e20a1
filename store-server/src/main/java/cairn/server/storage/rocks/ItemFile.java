package cairn.server.storage.rocks;

/**
 * A file of the database that holds items.
 *
 * @param isLowest whether it lies in the lower of the two levels, where no other file of its family overlaps it
 * @param items how many it holds
 */
record ItemFile(Family family, String name, boolean isLowest, Ordinals ordinals, long items, long storedBytes) {}

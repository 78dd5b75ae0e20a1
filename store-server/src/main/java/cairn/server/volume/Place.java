package cairn.server.volume;

/** Where a block's bytes are found: in a {@link DirtyLayer}'s row, or where no row is needed. */
sealed interface Place permits Place.Rowless, DirtyLayer {
    /** No layer has a row for it. */
    enum Rowless implements Place {
        /** No layer says anything: it is what the base has. */
        BASE,
        /** Zeros that are stored nowhere. */
        HOLE,
        /** Zeros whose space is taken to be set aside. */
        KEPT
    }
}

"""The centre of a site whose rules run past this process, on workers behind a bus.

``feeder`` hands batches and control on · ``decided`` takes alerts back · ``distant`` joins both as
the judge the pipeline drives · ``arrivals`` takes in what sensors ship to the bus · ``hops`` counts
"""

"""Running of studies: workers, the runner that records, the line of studies, questions asked of
trained models.
"""

"""What several test files share: peers, certificates, processes and variants."""

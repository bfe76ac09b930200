module testnode-forward

go 1.26.0
